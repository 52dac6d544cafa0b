import type { IncomingMessage } from 'node:http';
import { needsAuthorization } from './authorization.ts';
import type { Context } from './context.ts';
import { binary, group, metadata } from './endpoints/fhir-reads.ts';
import { file } from './endpoints/files.ts';
import { kickOff } from './endpoints/kick-off.ts';
import { scopeRefusal } from './endpoints/scope-check.ts';
import { deleteJob, jobOfStatusUrl, status } from './endpoints/status.ts';
import type { Fault } from './faults.ts';
import { errorAnswer, type Answer } from './http/answer.ts';
import type { JournalEntry, Route } from './journal.ts';
import type { Match } from './router.ts';

/** A request and what is known about it. `raw` is path and query as they came, without the prefix of redirects. */
export type Incoming = { request: IncomingMessage; raw: string; match: Match; entry: JournalEntry; faults: Fault[] };

const methods: Partial<Record<Route, string[]>> = {
  status: ['GET'],
  page: ['GET'],
  file: ['GET', 'HEAD'],
  binary: ['GET', 'HEAD'],
  metadata: ['GET', 'HEAD'],
  other: ['GET', 'HEAD'],
};

/** Answers a request as a faultless server does, with all effects. */
export async function respond(incoming: Incoming, context: Context): Promise<Answer> {
  const { request, raw, match, entry, faults } = incoming;
  const url = new URL(raw, context.origins.same);
  const refusal = await accessRefusal(incoming, context);
  if (refusal !== undefined) return refusal;
  const allowed = methods[match.route];
  if (allowed?.includes(entry.method) === false) {
    return errorAnswer(405, 'not-supported', 'Not this method', { allow: allowed.join(', ') });
  }

  switch (match.route) {
    case 'kickOff': {
      const { answer, jobId } = kickOff(request, raw, entry.body ?? '', match.target, context);
      if (jobId !== undefined) entry.jobId = jobId;
      return answer;
    }
    case 'status':
    case 'page':
    case 'delete': {
      const job = jobOfStatusUrl(url, raw, context);
      if (job.kind === 'refused') return job.answer;
      if (match.route === 'delete') return deleteJob(job.value, context);
      return status(request, job.value, Number(url.searchParams.get('page') ?? '1'), faults, context);
    }
    case 'file':
      return file(request, url, raw, faults, context);
    case 'binary':
      return binary(request, match.id, context);
    case 'metadata':
      return metadata(context);
    case 'token':
    case 'smartConfiguration': {
      const { authorization } = context.settings;
      if (authorization === undefined) return errorAnswer(404, 'not-found', 'No authorization here');
      return authorization.serve(request, match.route, entry.body ?? '', context.baseUrl);
    }
    case 'other':
      if (match.group !== undefined) return group(match.group.id, url, context);
      return errorAnswer(404, 'not-found', `There is nothing at ${url.pathname}`);
  }
}

/** The refusal of a request that lacks the access token it needs, or carries one that it must not. */
async function accessRefusal(incoming: Incoming, context: Context): Promise<Answer | undefined> {
  const { request, match, entry } = incoming;
  const { authorization, requiresAccessToken } = context.settings;
  // A file that a redirect led to another origin is like a pre-signed one: it takes no token.
  const preSigned = entry.redirected && entry.origin === 'other';
  if (match.route === 'file' || match.route === 'binary') {
    // Bulk Data IG 3.0: no token unless the manifest asks for one. Object stores refuse it, and so does this server.
    if (entry.headers.authorization !== undefined && (!requiresAccessToken || preSigned)) {
      return errorAnswer(400, 'security', 'Only one auth mechanism allowed: this URL works without a token');
    }
  }
  if (authorization === undefined || preSigned || !needsAuthorization(match.route, requiresAccessToken)) {
    return undefined;
  }
  const refusal = await authorization.authorize(request, match.route);
  return refusal ?? scopeRefusal(request, match, entry.jobId, context);
}
