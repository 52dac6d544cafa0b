import type { IncomingMessage } from 'node:http';
import { errorAnswer, type Answer } from './answer.ts';
import { needsAuthorization } from '../authorization.ts';
import type { Context } from '../context.ts';
import type { Fault } from '../faults.ts';
import { binary, group } from '../endpoints/fhir-reads.ts';
import { file } from '../endpoints/files.ts';
import type { JournalEntry } from '../journal.ts';
import { kickOff } from '../endpoints/kick-off.ts';
import { metadata } from '../endpoints/metadata.ts';
import type { Match } from './router.ts';
import { scopeProblem } from '../endpoints/scope-check.ts';
import { deleteJob, jobOfStatusUrl, status } from '../endpoints/status.ts';

/** A request with what is known about it. `raw` is path and query as they came, without the prefix of redirects. */
export type Incoming = { request: IncomingMessage; raw: string; match: Match; entry: JournalEntry; faults: Fault[] };

const methods: Partial<Record<JournalEntry['route'], string[]>> = {
  status: ['GET'],
  page: ['GET'],
  file: ['GET', 'HEAD'],
  binary: ['GET', 'HEAD'],
  metadata: ['GET', 'HEAD'],
  other: ['GET', 'HEAD'],
};

/** The real answer to a request, with all effects it has. */
export async function respond(incoming: Incoming, context: Context): Promise<Answer> {
  const { request, raw, match, entry, faults } = incoming;
  const { settings } = context;
  const url = new URL(raw, context.origins.same);

  if (match.route === 'file' || match.route === 'binary') {
    const refusal = tokenProblem(entry, settings.requiresAccessToken);
    if (refusal !== undefined) return refusal;
  }
  // Files that a redirect led to another origin are like pre-signed ones: the token stays at home.
  const abroad = entry.redirected && entry.origin === 'other';
  if (
    settings.authorization !== undefined &&
    !abroad &&
    needsAuthorization(match.route, settings.requiresAccessToken)
  ) {
    const refusal = await settings.authorization.authorize(request, match.route);
    if (refusal !== undefined) return refusal;
    const narrow = scopeProblem(request, match, entry.jobId, context);
    if (narrow !== undefined) return narrow;
  }
  const allowed = methods[match.route];
  if (allowed?.includes(entry.method) === false) {
    return errorAnswer(405, 'not-supported', 'Not this method', { allow: allowed.join(', ') });
  }

  switch (match.route) {
    case 'kickOff': {
      const { answer, jobId } = kickOff(request, raw, entry.body ?? '', match.target ?? { level: 'system' }, context);
      if (jobId !== undefined) entry.jobId = jobId;
      return answer;
    }
    case 'status':
    case 'page':
    case 'delete': {
      const job = jobOfStatusUrl(url, raw, context);
      if ('status' in job) return job;
      if (match.route === 'delete') return deleteJob(job, context);
      return status(request, job, Number(url.searchParams.get('page') ?? '1'), faults, context);
    }
    case 'file':
      return file(request, url, raw, faults, context);
    case 'binary':
      return binary(request, match.id ?? '', context);
    case 'metadata':
      return metadata(context);
    case 'token':
    case 'smartConfiguration':
      if (settings.authorization === undefined) return errorAnswer(404, 'not-found', 'No authorization here');
      return settings.authorization.serve(request, match.route, entry.body ?? '', context.baseUrl);
    case 'other':
      break;
  }
  if (match.read === 'group') return group(match.id, url, context);
  return errorAnswer(404, 'not-found', `There is nothing at ${url.pathname}`);
}

/** Bulk Data IG 3.0: no token where the manifest does not ask for one. Object stores refuse it, and so do we. */
function tokenProblem(entry: JournalEntry, requiresAccessToken: boolean): Answer | undefined {
  const abroad = entry.redirected && entry.origin === 'other';
  if (entry.headers.authorization === undefined || (requiresAccessToken && !abroad)) return undefined;
  return errorAnswer(400, 'security', 'Only one auth mechanism allowed: this URL works without a token');
}
