import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import type { Job } from '../export/jobs.ts';
import { faultOf, type Fault } from '../faults.ts';
import { errorAnswer, granted, outcomeAnswer, refused, type Answer, type Checked } from '../http/answer.ts';
import { hasMediaType } from '../http/request-headers.ts';
import { pageUrl, pathAndQuery } from './links.ts';
import { manifestOf, pagesOf } from './manifest.ts';

/** The job at the URL of a status, page or DELETE request, or the refusal if there is none. */
export function jobOfStatusUrl(url: URL, raw: string, context: Context): Checked<Job> {
  const job = context.jobs.find(url.searchParams.get('job'));
  const page = Number(url.searchParams.get('page') ?? '1');
  // Compared as text: clients must use the URL as it is (Bulk Data IG, status request).
  if (job === undefined || pathAndQuery(pageUrl(context, job, page)) !== raw) {
    return refused(errorAnswer(404, 'not-found', 'There is no export at this URL'));
  }
  // Bulk Data IG 2.0: after a DELETE the status URL answers 404 with an OperationOutcome.
  if (job.deleted) return refused(errorAnswer(404, 'not-found', `Export ${job.id} was deleted`));
  job.askedAt = Date.now();
  return granted(job);
}

/** Answers a poll of the status URL or of a manifest page. */
export async function status(
  request: IncomingMessage,
  job: Job,
  page: number,
  faults: Fault[],
  context: Context,
): Promise<Answer> {
  if (!hasMediaType(request.headers.accept, 'application/json')) {
    return errorAnswer(406, 'not-supported', 'The Accept header must contain application/json');
  }
  const fail = faultOf(faults, 'failJob');
  if (fail !== undefined) {
    const messages = fail.messages ?? [{ severity: 'error', code: 'processing', text: 'The export has failed' }];
    job.failure = { status: fail.status ?? 500, messages };
    context.jobs.save();
  }
  if (job.failure !== undefined) return failureAnswer(job.failure, job.request.separateStatus, context);
  const { pagesReady, complete } = await progress(job, context);
  const total = complete ? pagesReady : Infinity;
  if (page > total) return errorAnswer(404, 'not-found', 'There is no such page');
  if (complete) return manifestAnswer(job, page, page < pagesReady, true, context);
  if (page <= pagesReady) return manifestAnswer(job, page, page < pagesReady, false, context);
  const { headers, status: code } = head(job, false, context);
  return { status: code, headers };
}

/** Answers DELETE, which cancels a job before completion and releases its files afterwards. */
export function deleteJob(job: Job, context: Context): Answer {
  job.deleted = true;
  context.jobs.save();
  return outcomeAnswer(202, { severity: 'information', code: 'informational', text: `Export ${job.id} is deleted` });
}

function failureAnswer({ status: code, messages }: NonNullable<Job['failure']>, separate: boolean, context: Context) {
  // Bulk Data IG 1.0 asks for application/json here, later versions for application/fhir+json.
  const type = { 'content-type': context.settings.version === 1 ? 'application/json' : 'application/fhir+json' };
  if (!separate) return outcomeAnswer(code, messages, type);
  return outcomeAnswer(200, messages, { ...type, 'x-export-status': `${code} ${STATUS_CODES[code] ?? ''}`.trim() });
}

/** Counts a poll, and says how many manifest pages clients can read now. */
async function progress(job: Job, context: Context): Promise<{ pagesReady: number; complete: boolean }> {
  const { pollsUntilReady, readyAfterMs } = context.settings;
  const share =
    readyAfterMs === undefined ? job.polls / pollsUntilReady : Math.min(1, (Date.now() - job.at) / readyAfterMs);
  // 0 polls until ready: 0 / 0.
  const due = Number.isNaN(share) || share >= 1;
  // The last poll waits for files of ordinary size, so that the number of polls is the one that a test set.
  if (due || job.request.allowPartialManifests) await context.jobs.written(job, 5000);
  const pages = job.files === undefined ? 0 : pagesOf(context, job).length;
  if (due && job.files !== undefined) return { pagesReady: pages, complete: true };
  job.polls += 1;
  context.jobs.save();
  // The last page appears on completion: a page does not change once a client can read it, except for its link.
  const ready = job.request.allowPartialManifests ? Math.min(pages - 1, Math.floor(share * pages)) : 0;
  return { pagesReady: Math.max(0, ready), complete: false };
}

function manifestAnswer(job: Job, page: number, next: boolean, complete: boolean, context: Context): Answer {
  const { expiresInSeconds, renewFileUrls, authorization } = context.settings;
  // Clients replace expired URLs by reading the manifest again (Bulk Data IG, file request).
  if (renewFileUrls || (job.expired !== undefined && job.expired.upTo >= job.urlGeneration)) {
    job.urlGeneration += 1;
    context.jobs.save();
  }
  const { headers, status: code } = head(job, complete, context);
  headers['content-type'] = 'application/json';
  if (complete && expiresInSeconds > 0) {
    const now = Date.now() + (authorization?.clockOffset ?? 0);
    headers['expires'] = new Date(now + expiresInSeconds * 1000).toUTCString();
  }
  return { status: code, headers, manifest: manifestOf(context, job, page, next) };
}

/** Bulk Data IG 3.0, separate-export-status: the HTTP status is that of the poll, X-Export-Status that of the job. */
function head(job: Job, complete: boolean, context: Context): { status: number; headers: Record<string, string> } {
  const { retryAfter, progress: text } = context.settings;
  const headers: Record<string, string> = {};
  if (job.request.separateStatus) headers['x-export-status'] = complete ? '200 OK' : '202 Accepted';
  if (!complete) {
    if (retryAfter !== '') headers['retry-after'] = retryAfter;
    headers['x-progress'] = text(job.polls);
  }
  return { status: complete || job.request.separateStatus ? 200 : 202, headers };
}
