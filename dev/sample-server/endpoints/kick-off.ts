import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import { errorAnswer, outcomeAnswer, type Answer } from '../http/answer.ts';
import { hasMediaType, preferencesOf } from '../http/request-headers.ts';
import type { KickOffTarget } from '../router.ts';
import { statusUrl } from './links.ts';
import { BadRequest, parametersOfBody, parametersOfQuery } from './parameters.ts';
import { readExportRequest } from './read-export-request.ts';
import { narrowed } from './scope-check.ts';

/** Answers `$export`: checks the request more strictly than the IG requires of servers, and starts a job. */
export function kickOff(
  request: IncomingMessage,
  raw: string,
  body: string,
  target: KickOffTarget,
  context: Context,
): { answer: Answer; jobId?: string } {
  const { version, separateStatus } = context.settings;
  const preferences = preferencesOf(request.headers['prefer']);
  const refusal = headerRefusal(request, preferences, context);
  if (refusal !== undefined) return { answer: refusal };
  if (target.groupId !== undefined && context.hospital.group(target.groupId) === undefined) {
    return { answer: errorAnswer(404, 'not-found', `Group/${target.groupId} is unknown`) };
  }
  // Bulk Data IG 2.0 brought handling=lenient, 3.0 separate-export-status.
  const lenient = version >= 2 && preferences.includes('handling=lenient');
  const separate = version >= 3 && separateStatus && preferences.includes('separate-export-status');
  try {
    const url = new URL(raw, context.baseUrl);
    const method = request.method === 'POST' ? 'POST' : 'GET';
    if (method === 'POST' && url.search !== '') throw new BadRequest('A POST kick-off has no query');
    const values =
      method === 'POST' ? parametersOfBody(body, context.settings) : parametersOfQuery(url.search, context.settings);
    const fixed = { ...target, method, url: url.href, lenient, separateStatus: separate } as const;
    const checked = narrowed(request, readExportRequest(fixed, values, context), context);
    if (checked.kind === 'refused') return { answer: checked.answer };
    const busy = slotRefusal(context);
    if (busy !== undefined) return { answer: busy };
    const job = context.jobs.create(checked.value);
    const applied = ['respond-async', lenient && 'handling=lenient', separate && 'separate-export-status'];
    const answer = outcomeAnswer(
      202,
      { severity: 'information', code: 'informational', text: `Export ${job.id} has begun` },
      { 'content-location': statusUrl(context, job), 'preference-applied': applied.filter(Boolean).join(', ') },
    );
    return { answer, jobId: job.id };
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    return { answer: outcomeAnswer(error.status, error.messages) };
  }
}

/** Like BCDA and Aidbox: one export after another. */
function slotRefusal({ jobs, settings }: Context): Answer | undefined {
  if (jobs.current().length < (settings.maxJobs ?? Infinity)) return undefined;
  const text = 'As many exports as this server runs at a time are in progress, or have not been deleted';
  return outcomeAnswer(429, { severity: 'error', code: 'throttled', text }, { 'retry-after': '1' });
}

function headerRefusal(request: IncomingMessage, preferences: string[], { settings }: Context): Answer | undefined {
  const methods = settings.version === 1 ? ['GET'] : settings.version === 4 ? ['POST'] : ['GET', 'POST'];
  if (!methods.includes(request.method ?? '')) {
    const text = `Version ${settings.version} of this server starts exports by ${methods.join(' or ')}`;
    return errorAnswer(405, 'not-supported', text, { allow: methods.join(', ') });
  }
  if (!hasMediaType(request.headers.accept, 'application/fhir+json')) {
    return errorAnswer(400, 'invalid', 'The Accept header must be application/fhir+json');
  }
  if (!preferences.includes('respond-async')) {
    return errorAnswer(400, 'invalid', 'The Prefer header must contain respond-async');
  }
  if (request.method === 'POST' && !hasMediaType(request.headers['content-type'], 'application/fhir+json')) {
    return errorAnswer(415, 'invalid', 'The Content-Type must be application/fhir+json');
  }
  return undefined;
}
