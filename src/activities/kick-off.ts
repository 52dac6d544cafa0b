import type { ExportRequest, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { KickOff, KickOffRequest } from '../fhir/kick-off.ts';
import { buildKickOff } from '../fhir/kick-off.ts';
import { readOutcome, isTransient } from '../fhir/operation-outcome.ts';
import { listParameters } from '../fhir/parameters.ts';
import { quoteAnswer } from '../fhir/quote.ts';
import { resolveUrl } from '../fhir/resolve-url.ts';
import { parseRetryAfter } from '../fhir/retry-after.ts';
import { readText } from '../http/read-text.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { Job, JobRecord } from '../export-folder/job-record.ts';
import { ignoredParameters } from '../fhir/ignored-parameters.ts';
import type { Answered, FhirServer } from '../fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';

export interface KickOffInput {
  ref: ExportRef;
  request: Pick<ExportRequest, 'level' | 'groupId' | 'parameters' | 'prefer'>;
  /** The job to be started; one of this number that has been accepted is not started again. */
  generation: number;
  token?: TokenRef;
}

export type KickOffResult =
  | TokenNeeded
  | { kind: 'accepted'; origin: string; retryAfter?: number; warnings: Warning[] }
  | { kind: 'trouble'; detail: string; retryAfter?: number };

const LARGEST_ANSWER = 1024 * 1024;

/**
 * Starts the export on the FHIR server, once: the intent is durable before the request is sent, and the status URL
 * before it is reported. There is no idempotency key in the IG, so an intent without a known answer is sent once more
 * with a warning, and never a third time.
 *
 * Not aborted by cancellation: only the answer says which job there is to be deleted.
 *
 * @throws ExportError `KickOffRejected`, `KickOffUnknown`, `AuthorizationFailed`, `DestinationFailed`
 */
export async function kickOff(deps: ActivityDeps, input: KickOffInput): Promise<KickOffResult> {
  const ref = { ...input.ref, generation: input.generation };
  const { job: record } = await ExportFolder.open(deps.config, ref, { starting: true });
  const job = await prepareJob(record, input);
  if (job.statusUrl !== undefined) return accepted(job.statusUrl, job);
  if (job.unanswered >= 2) throw unknown();
  const server = await deps.servers.get(input.ref.server);
  const authorized = await server.authorize(input.token);
  if (authorized.kind === 'tokenNeeded') return authorized;
  const capability = job.capability ?? (await server.capability(input.request.level));
  if (capability !== undefined) job.capability = capability;
  const { operation = 'export', version } = capability ?? {};
  const request = buildRequest({
    baseUrl: server.config.baseUrl,
    level: input.request.level,
    ...(input.request.groupId === undefined ? {} : { groupId: input.request.groupId }),
    parameters: listParameters(input.request.parameters ?? {}),
    prefer: input.request.prefer ?? [],
    method: server.config.kickOffMethod,
    operation,
    ...(version === undefined ? {} : { version }),
  });
  job.request = request.url;

  const recorded = await intend(record, job);
  if (recorded !== undefined) return recorded;
  // HAPI answers an equal kick-off with an earlier, even cancelled, job unless the request forbids it. After a lost
  // answer that earlier job is just what is wanted.
  const headers = job.unanswered > 1 ? request.headers : { ...request.headers, 'cache-control': 'no-cache' };
  const sent = await server.sendAs(authorized, { what: 'kick-off', ...request, headers, freshConnection: true });
  switch (sent.kind) {
    case 'answered':
      return readAnswer(record, job, input, server, sent);
    case 'refusedUrl':
      // It was not sent, or answered by a redirect only: there is no job that a later run must warn of.
      await forgetIntent(record, job);
      throw new ExportError('KickOffRejected', sent.detail);
    case 'unreachable':
      if (!sent.maybeSent) await forgetIntent(record, job);
      else if (job.unanswered >= 2) throw unknown(sent.detail);
      return { kind: 'trouble', detail: sent.detail };
  }
}

function buildRequest(parts: KickOff): KickOffRequest {
  try {
    return buildKickOff(parts);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new ExportError('InvalidRequest', 'parameters: a text holds half of a surrogate pair; remove it');
  }
}

/** The job of the wanted generation; an earlier one is gone, and its files with it. */
async function prepareJob(record: JobRecord, { generation, request }: KickOffInput): Promise<Job> {
  const found = await record.read();
  if (found !== undefined && found.generation >= generation && found.clearing === undefined) return found;
  const job: Job = {
    generation,
    unanswered: 0,
    separateStatus: false,
    partial: listParameters(request.parameters ?? {}).some(
      ({ name, values }) => name === 'allowPartialManifests' && values[0] === true,
    ),
    warnings:
      found === undefined || found.ofAnother === true ? [] : [{ code: 'JobRestarted', message: WARNINGS.JobRestarted }],
  };
  await record.begin(job, found);
  return job;
}

/**
 * Makes the next intent durable.
 *
 * @returns what to report instead of sending: the answer that another attempt has recorded, or that there may be one soon
 */
async function intend(record: JobRecord, job: Job): Promise<KickOffResult | undefined> {
  const isOurs = await record.intend(job);
  const found = await record.again(job.generation);
  if (found.statusUrl !== undefined) return accepted(found.statusUrl, found);
  // Their answers may be there a moment later.
  if (!isOurs) return { kind: 'trouble', detail: 'two other attempts at the kick-off are under way' };
  if (job.unanswered > 1) warnOfOrphan(job);
  await record.save(job);
  return undefined;
}

function warnOfOrphan({ warnings }: Job): void {
  if (warnings.some(({ code }) => code === 'PossibleOrphanJob')) return;
  warnings.push({ code: 'PossibleOrphanJob', message: WARNINGS.PossibleOrphanJob });
}

async function readAnswer(
  record: JobRecord,
  job: Job,
  input: KickOffInput,
  server: FhirServer,
  answered: Answered,
): Promise<KickOffResult> {
  const { response } = answered;
  const { status, headers } = response;
  const location = headers['content-location'];
  const statusUrl = location === undefined ? undefined : resolveUrl(location, response.url);
  const retryAfter = parseRetryAfter(headers['retry-after'], headers['date'], Date.now());
  // Some servers answer 200; with a status URL that is as good.
  if ((status === 202 || status === 200) && statusUrl !== undefined) {
    // The job of whichever attempt was answered first is the export's; polls and files may be under way already.
    const found = await record.read();
    if (found?.statusUrl !== undefined) return await accept(record, found, job.warnings);
    job.statusUrl = statusUrl;
    job.unanswered = 0;
    job.separateStatus = /\bseparate-export-status\b/.test(headers['preference-applied'] ?? '');
    await record.save(job);
    const body = await readText(response, LARGEST_ANSWER, { cut: true }).catch(() => '');
    // Looked for after the answer was recorded: an attempt that intends one later finds the answer.
    if (await record.wasIntendedAgain(job)) warnOfOrphan(job);
    job.warnings.push(...ignoredParameters(readOutcome(body) ?? [], Object.keys(input.request.parameters ?? {})));
    await record.save(job);
    return accepted(job.statusUrl, job, retryAfter);
  }
  const body = await readText(response, LARGEST_ANSWER, { cut: true }).catch(() => '');
  const detail = `HTTP ${status}${body.trim() === '' ? '' : `: ${quoteAnswer(body)}`}`;
  if (status >= 200 && status < 300) {
    throw new ExportError(
      'KickOffRejected',
      `the server answered without a usable Content-Location, so the export cannot be followed: ${detail}`,
    );
  }
  // A gateway that gave up waiting does not know whether the server behind it has started the export.
  if (status === 502 || status === 504) {
    if (job.unanswered >= 2) throw unknown(detail);
    return { kind: 'trouble', detail, ...(retryAfter === undefined ? {} : { retryAfter }) };
  }
  await forgetIntent(record, job);
  if (status === 401 || status === 403) {
    return server.refusal(answered, `the kick-off was refused: ${detail}`);
  }
  if (status === 405 && job.capability?.version === undefined && server.config.kickOffMethod === 'auto') {
    // A server of IG 4, whose CapabilityStatement could not be read, wants POST.
    job.capability = { ...job.capability, version: 4 };
    await record.save(job);
    return { kind: 'trouble', detail };
  }
  if (mayPass(status, body)) return { kind: 'trouble', detail, ...(retryAfter === undefined ? {} : { retryAfter }) };
  throw new ExportError('KickOffRejected', detail);
}

function mayPass(status: number, body: string): boolean {
  if (status === 408 || status === 425 || status === 429) return true;
  const issues = readOutcome(body);
  if (status === 503) return true;
  return status >= 500 && status !== 501 && status !== 505 && (issues === undefined || isTransient(issues));
}

/** The answer to the last kick-off is known, and it started nothing. */
async function forgetIntent(record: JobRecord, job: Job): Promise<void> {
  job.unanswered--;
  await record.save(job);
}

/** What another attempt has recorded, with the warnings of this one. */
async function accept(record: JobRecord, found: Job, warnings: readonly Warning[]): Promise<KickOffResult> {
  const codes = new Set(found.warnings.map(({ code }) => code));
  const job = { ...found, warnings: [...found.warnings, ...warnings.filter(({ code }) => !codes.has(code))] };
  await record.save(job);
  return accepted(job.statusUrl as string, job);
}

function accepted(statusUrl: string, job: Job, retryAfter?: number): KickOffResult {
  return {
    kind: 'accepted',
    origin: new URL(statusUrl).origin,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    warnings: job.warnings,
  };
}

function unknown(detail = 'its answer was lost'): ExportError {
  return new ExportError('KickOffUnknown', `two kick-offs were sent and neither was answered: ${detail}`);
}
