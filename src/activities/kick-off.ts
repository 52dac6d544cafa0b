import type { TokenRef } from '../auth/server-authorization.ts';
import type { ExportRequest, Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { AcceptedJob, Job } from '../export-folder/job-record.ts';
import { KickOffAttempt } from '../export-folder/kick-off-attempt.ts';
import type { Answered, FhirServer } from '../fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { ignoredParameters } from '../fhir/ignored-parameters.ts';
import type { Acceptance, Rejection } from '../fhir/kick-off-answer.ts';
import { readAcceptance, readRejection } from '../fhir/kick-off-answer.ts';
import type { KickOff, KickOffRequest } from '../fhir/kick-off.ts';
import { buildKickOff } from '../fhir/kick-off.ts';
import { readOutcome } from '../fhir/operation-outcome.ts';
import type { Operation, OperationName } from '../fhir/operations.ts';
import { OPERATIONS } from '../fhir/operations.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import type { HttpResponse } from '../http/messages.ts';
import type { Fitted } from '../profiles/fit-request.ts';
import type { ServerSettings } from '../profiles/settings.ts';
import { firstPoll } from '../profiles/poll-times.ts';
import { readText } from '../http/read-text.ts';
import type { ActivityDeps } from './deps.ts';

export interface KickOffInput {
  ref: ExportRef;
  request: Pick<ExportRequest, 'level' | 'groupId' | 'operation' | 'parameters' | 'prefer' | 'attachments'>;
  /** The job to be started; one of this number that has been accepted is not started again. */
  generation: number;
  token?: TokenRef;
  /** What the token lacks: stored with the job, for a run that continues it with a better one. */
  warnings?: Warning[];
}

/** `retryAfter` in milliseconds. */
export type KickOffResult =
  | TokenNeeded
  | ({
      kind: 'accepted';
      origin: string;
      warnings: Warning[];
      /** Milliseconds since the epoch. */
      acceptedAt?: number;
    } & FirstPoll)
  /**
   * `noSlot`: the server runs as many exports as it can, and takes this one later. `warnings`: only of a job that nobody may
   * know.
   */
  | { kind: 'trouble'; detail: string; retryAfter?: number | undefined; noSlot?: true; warnings?: Warning[] };

/** When the first poll may come: no field when that is not known, because another attempt received the answer. */
interface FirstPoll {
  retryAfter?: number | undefined;
  /** The server names no time to wait. Results of version 0.1.0 never say so, and their exports wait longer. */
  pollSoon?: true;
  /** The same, in results before {@link pollSoon}: their exports do not wait. */
  pollAtOnce?: true;
}

/** Bytes of an answer's body that are read. */
const LARGEST_ANSWER = 1024 * 1024;

/**
 * Starts the export on the FHIR server, once: the intent is durable before the request is sent, and the status URL
 * before it is reported. There is no idempotency key in the IG, so an intent without a known answer is sent once more
 * with a warning, and never a third time.
 *
 * Not aborted by cancellation: only the answer says which job must be deleted.
 *
 * @throws ExportError `NotAllowed`, `KickOffRejected`, `KickOffUnknown`, `AuthorizationFailed`, `InvalidRequest`, `DestinationFailed`
 */
export async function kickOff(deps: ActivityDeps, input: KickOffInput): Promise<KickOffResult> {
  const ref = { ...input.ref, generation: input.generation };
  const folder = await ExportFolder.open(deps.config, ref, { starting: true });
  const server = await deps.servers.get(input.ref.server);
  const { settings } = server;
  const attempt = await KickOffAttempt.find(folder.job, input.generation);
  const unseen = waitFor(firstPoll(undefined, settings));
  if (attempt.accepted !== undefined) return accepted(attempt.accepted, unseen);
  if (attempt.isLast) throw unknown();
  // It may have been opened by a worker with another configuration. Before the files of an earlier job are removed: they
  // are all that there is, if no other job may follow. Without a pause: what was found must still hold when it begins.
  folder.requireServer(server.config.baseUrl);
  server.requireAllowed({ ...input.request, destination: input.ref.destination });
  const fitted = server.fit(input.request);
  await attempt.begin(asksForPartial(fitted.parameters));
  const authorized = await server.authorize(input.token);
  if (authorized.kind === 'tokenNeeded') return authorized;
  const capability = attempt.capability ?? (await server.capability(input.request.level, input.request.operation));
  const request = buildRequest(server, input, fitted.parameters, capability);
  const intent = await attempt.intend({ url: request.url, capability });
  if (intent.kind === 'accepted') return accepted(intent.job, unseen);
  if (intent.kind === 'wait') return { kind: 'trouble', detail: 'two other attempts at the kick-off are under way' };

  // HAPI answers an equal kick-off with an earlier, even cancelled, job unless the request forbids it. After a lost
  // answer that earlier job is just what is wanted.
  const headers = attempt.isLast ? request.headers : { ...request.headers, 'cache-control': 'no-cache' };
  const sent = await server.sendAs(authorized, { what: 'kick-off', ...request, headers, freshConnection: true });
  switch (sent.kind) {
    case 'answered': {
      const acceptance = readAcceptance(sent.response, Date.now());
      return acceptance === undefined
        ? reject(attempt, server, sent, input.request.operation)
        : accept(attempt, server, acceptance, { response: sent.response, fitted, lacks: input.warnings });
    }
    case 'refusedUrl':
      // It was not sent, or answered by a redirect only: there is no job that a later run must warn of.
      await attempt.forgetIntent();
      throw new ExportError('KickOffRejected', sent.detail);
    case 'unreachable':
      if (!sent.maybeSent) await attempt.forgetIntent();
      else if (attempt.isLast) throw unknown(sent.detail);
      return { kind: 'trouble', detail: sent.detail };
  }
}

function asksForPartial(parameters: ParameterList): boolean {
  return parameters.some(({ name, values }) => name === 'allowPartialManifests' && values[0] === true);
}

function buildRequest(
  { config, settings }: FhirServer,
  { request: { level, groupId, operation: requested = 'export', prefer } }: KickOffInput,
  parameters: ParameterList,
  { operation = requested, version }: NonNullable<Job['capability']> = {},
): KickOffRequest {
  try {
    return buildKickOff({
      baseUrl: config.baseUrl,
      level,
      groupId,
      parameters,
      prefer: prefer ?? [],
      method: kickOffMethod(settings, requested),
      lists: listsFor(config, settings, version),
      typeFilterCommas: settings.typeFilterCommas,
      operation,
      requested,
      version,
    });
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new ExportError('InvalidRequest', 'parameters: a text holds half of a surrogate pair; remove it');
  }
}

/** A server that declares version 4 of the guide has outgrown what its profile says: there, nothing is joined in a POST. */
function listsFor(
  config: Pick<FhirServer['config'], 'lists'>,
  settings: Pick<ServerSettings, 'lists'>,
  version: KickOff['version'],
): ServerSettings['lists'] {
  return version === 4 && settings.lists === 'comma' && config.lists !== 'comma' ? 'auto' : settings.lists;
}

/** Of operations that have a method of their own, the server's does not count. */
function kickOffMethod(
  settings: Pick<ServerSettings, 'kickOffMethod'>,
  requested: OperationName = 'export',
): ServerSettings['kickOffMethod'] {
  const { method }: Operation = OPERATIONS[requested];
  return method === 'auto' ? settings.kickOffMethod : method;
}

async function accept(
  attempt: KickOffAttempt,
  { settings }: FhirServer,
  { retryAfter, ...answer }: Acceptance,
  { response, fitted, lacks = [] }: { response: HttpResponse; fitted: Fitted; lacks?: Warning[] | undefined },
): Promise<KickOffResult> {
  const names = fitted.parameters.map(({ name }) => name);
  const job = await attempt.accept(answer, [...fitted.warnings, ...lacks], async () =>
    ignoredParameters(readOutcome(await bodyOf(response)) ?? [], names),
  );
  const isOurs = job.statusUrl === answer.statusUrl;
  const wait = firstPoll(isOurs ? retryAfter : undefined, settings);
  return accepted(job, isOurs && wait === undefined ? { pollSoon: true } : waitFor(wait));
}

function waitFor(retryAfter: number | undefined): FirstPoll {
  return retryAfter === undefined ? {} : { retryAfter };
}

/** What an answer leads to that accepts nothing. */
async function reject(
  attempt: KickOffAttempt,
  server: FhirServer,
  answered: Answered,
  requested: OperationName | undefined,
): Promise<KickOffResult> {
  const { response } = answered;
  const rejection = readRejection(response, await bodyOf(response), Date.now());
  const { detail } = rejection;
  if (rejection.kind === 'unusable') {
    throw new ExportError(
      'KickOffRejected',
      `the server answered without a usable Content-Location, so the export cannot be followed: ${detail}${server.idsOf(response)}`,
    );
  }
  if (rejection.kind === 'unknown') {
    if (attempt.isLast) throw unknown(detail);
    return trouble(detail, rejection.retryAfter);
  }
  await attempt.forgetIntent();
  switch (rejection.kind) {
    case 'refused':
      return server.refusal(answered, `the kick-off was refused: ${detail}`);
    case 'wrongMethod':
      if (attempt.capability?.version !== undefined || kickOffMethod(server.settings, requested) !== 'auto') break;
      // A server of IG 4, whose CapabilityStatement could not be read, wants POST.
      await attempt.saveCapability({ ...attempt.capability, version: 4 });
      return trouble(detail, undefined);
    case 'trouble':
      // The job that has the slot may be our own, of which nobody knows: its end cannot be waited for without one.
      if (attempt.isInDoubt) return { ...trouble(detail, rejection.retryAfter), warnings: attempt.warnings };
      return { ...trouble(detail, rejection.retryAfter), ...noSlot(rejection, server.settings) };
    case 'rejected':
  }
  throw new ExportError('KickOffRejected', `${detail}${server.idsOf(response)}`);
}

/** Empty when it cannot be read: the status says what matters. */
function bodyOf(response: HttpResponse): Promise<string> {
  return readText(response, LARGEST_ANSWER, { cut: true }).catch(() => '');
}

function accepted({ statusUrl, acceptedAt, warnings }: AcceptedJob, firstPoll: FirstPoll = {}): KickOffResult {
  const { origin } = new URL(statusUrl);
  return { kind: 'accepted', origin, ...(acceptedAt === undefined ? {} : { acceptedAt }), ...firstPoll, warnings };
}

/** A server that is known to run so many exports at a time means them by 429, whatever else it says. */
function noSlot(
  { tooMany }: Extract<Rejection, { kind: 'trouble' }>,
  { maxConcurrentExports }: ServerSettings,
): { noSlot?: true } {
  return tooMany === 'exports' || (tooMany === 'requests' && maxConcurrentExports !== undefined)
    ? { noSlot: true }
    : {};
}

function trouble(detail: string, retryAfter: number | undefined): Extract<KickOffResult, { kind: 'trouble' }> {
  return { kind: 'trouble', detail, retryAfter };
}

function unknown(detail = 'its answer was lost'): ExportError {
  return new ExportError('KickOffUnknown', `two kick-offs were sent and neither was answered: ${detail}`);
}
