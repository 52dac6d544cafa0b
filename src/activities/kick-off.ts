import type { TokenRef } from '../auth/server-authorization.ts';
import type { ExportRequest, Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { AcceptedJob } from '../export-folder/job-record.ts';
import { KickOffAttempt } from '../export-folder/kick-off-attempt.ts';
import { logTerms } from '../export-folder/log-events.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { ignoredParameters } from '../fhir/ignored-parameters.ts';
import type { Acceptance } from '../fhir/kick-off-answer.ts';
import { readAcceptance } from '../fhir/kick-off-answer.ts';
import { readOutcome } from '../fhir/operation-outcome.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import type { HttpResponse } from '../http/messages.ts';
import type { Fitted } from '../profiles/fit-request.ts';
import { firstPoll } from '../profiles/poll-times.ts';
import type { ActivityDeps } from './deps.ts';
import { buildRequest } from './kick-off-request.ts';
import { nameNewMembers } from './name-new-members.ts';
import type { KickOffTrouble } from './refused-kick-off.ts';
import { bodyOf, kickOffUnknown, reject } from './refused-kick-off.ts';
import { requireValid } from './require-valid.ts';

export interface KickOffInput {
  ref: ExportRef;
  request: Pick<
    ExportRequest,
    'level' | 'groupId' | 'operation' | 'parameters' | 'prefer' | 'attachments' | 'newMembersOf'
  >;
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
  | KickOffTrouble;

/** When the first poll may come: no field when that is not known, because another attempt received the answer. */
interface FirstPoll {
  retryAfter?: number | undefined;
  /** The server names no time to wait. Results of version 0.1.0 never say so, and their exports wait longer. */
  pollSoon?: true;
  /** The same, in results before {@link pollSoon}: their exports do not wait. */
  pollAtOnce?: true;
}

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
  requireValid({ server: ref.server, ...input.request } as ExportRequest, ref.path);
  const folder = await ExportFolder.open(deps.config, ref, { starting: true });
  const server = await deps.servers.get(input.ref.server);
  const { settings } = server;
  let attempt = await KickOffAttempt.find(folder.job, input.generation);
  const { destination } = input.ref;
  let { request: asked } = input;
  // The list is of use until the job is accepted, and need not be there any longer.
  if (attempt.accepted === undefined && asked.newMembersOf !== undefined) {
    asked = await nameNewMembers(deps.config, { destination, baseUrl: server.config.baseUrl }, asked);
    attempt = await KickOffAttempt.find(folder.job, input.generation);
  }
  const unseen = waitFor(firstPoll(undefined, settings));
  if (attempt.accepted !== undefined) return accepted(attempt, attempt.accepted, unseen);
  if (attempt.isLast) throw kickOffUnknown();
  // It may have been opened by a worker with another configuration. Before the record of an earlier job is replaced: that
  // one is all that there is, if no other may follow. Without a pause: what was found must still hold when it begins.
  folder.requireServer(server.config.baseUrl);
  server.requireAllowed({ ...asked, destination });
  const fitted = server.fit(asked);
  await attempt.begin(asksForPartial(fitted.parameters), input.ref.mark);
  const authorized = await server.authorize(input.token);
  if (authorized.kind === 'tokenNeeded') return authorized;
  const capability = attempt.capability ?? (await server.capability(input.request.level, input.request.operation));
  const request = buildRequest(server, input.request, fitted, capability);
  const isOfNewMembers = asked.newMembersOf !== undefined;
  const log = { ...logTerms(asked.parameters ?? {}), ...(isOfNewMembers ? { isOfNewMembers } : {}) };
  const intent = await attempt.intend({ url: request.url, capability, log });
  if (intent.kind === 'accepted') return accepted(attempt, intent.job, unseen);
  if (intent.kind === 'wait') return { kind: 'trouble', detail: 'two other attempts at the kick-off are under way' };

  // HAPI answers an equal kick-off with an earlier, even cancelled, job unless the request forbids it. After a lost
  // answer that earlier job is just what is wanted; after any other one it is more likely a job of somebody else.
  const headers = attempt.isLast ? request.headers : { ...request.headers, 'cache-control': 'no-cache' };
  const sentAt = performance.now();
  const sending = server.sendAs(authorized, { what: 'kick-off', ...request, headers, freshConnection: true });
  const sent = await sending.catch(async (error: unknown) => {
    // A proxy refuses the worker's credentials, or there are none: nothing was sent.
    if (error instanceof ExportError) await attempt.forgetIntent();
    throw error;
  });
  switch (sent.kind) {
    case 'answered': {
      const acceptance = readAcceptance(sent.response, Date.now());
      const fault = acceptance === undefined ? undefined : server.faultOfUrl(acceptance.statusUrl);
      return acceptance === undefined || fault !== undefined
        ? reject(attempt, server, sent, {
            fault,
            requested: input.request.operation,
            isOfNewMembers,
            waited: performance.now() - sentAt,
            note: (status, detail) => folder.note({ to: 'kickOff', status, detail }),
          })
        : accept(attempt, server, acceptance, { response: sent.response, fitted, lacks: input.warnings });
    }
    case 'refusedUrl':
      // It was not sent, or answered by a redirect only: there is no job that a later run must warn of.
      await attempt.forgetIntent();
      throw new ExportError('KickOffRejected', sent.detail);
    case 'unreachable':
      if (!sent.maybeSent) await attempt.forgetIntent();
      else if (attempt.isLast) throw kickOffUnknown(sent.detail);
      return { kind: 'trouble', detail: sent.detail, ...(attempt.isInDoubt ? {} : { noJob: true, unreachable: true }) };
  }
}

function asksForPartial(parameters: ParameterList): boolean {
  return parameters.some(({ name, values }) => name === 'allowPartialManifests' && values[0] === true);
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
  return accepted(attempt, job, isOurs && wait === undefined ? { pollSoon: true } : waitFor(wait));
}

function waitFor(retryAfter: number | undefined): FirstPoll {
  return retryAfter === undefined ? {} : { retryAfter };
}

async function accepted(attempt: KickOffAttempt, job: AcceptedJob, firstPoll: FirstPoll): Promise<KickOffResult> {
  await attempt.removeEarlier(job);
  const { statusUrl, acceptedAt, warnings } = job;
  const { origin } = new URL(statusUrl);
  return { kind: 'accepted', origin, ...(acceptedAt === undefined ? {} : { acceptedAt }), ...firstPoll, warnings };
}
