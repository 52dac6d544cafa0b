import { activityInfo } from '@temporalio/activity';
import { busyBy } from '../fhir/busy.ts';
import { parseRetryAfter } from '../fhir/retry-after.ts';
import { ExportError, UnreadableHereError } from '../errors.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { isAccepted, lastAccepted } from '../export-folder/job-record.ts';
import type { KickOffInput } from './kick-off.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { tokenRefused } from '../fhir-server/token-needed.ts';

export interface DeleteJobInput {
  ref: ExportRef;
  /** Remove unpublished parts as well: nothing will go on with them. */
  removeParts: boolean;
  /** Another job is to follow, for this request. Absent: none is. */
  next?: KickOffInput['request'];
  token?: TokenRef;
}

/** Why parts could not be removed. */
interface PartsLeft {
  left?: string;
}

export type DeleteJobResult =
  | TokenNeeded
  | ({ kind: 'deleted' } & PartsLeft)
  | ({ kind: 'nothingToDelete' } & PartsLeft)
  | ({ kind: 'unsupported'; detail: string } & PartsLeft)
  /**
   * `busy`: the server wants fewer requests. `passes`: it is away for a time, or names one, or this worker lacks a file for
   * it; others may mean it for good.
   */
  | { kind: 'trouble'; detail: string; retryAfter?: number | undefined; busy?: true; passes?: true };

/** Besides those that come with a `Retry-After`: a server, or what is before it, that is busy or being restarted. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

/** For people: what it means that a job was not deleted. */
const SLOT_IS_TAKEN = '; until it is deleted, this server may refuse the next export';

/**
 * Tells the server that its job is not needed any more. 404 and 410 mean that the goal is reached (HAPI answers 404 for
 * a completed job). May be sent more than once.
 *
 * @throws ExportError `NotAllowed`, `InvalidRequest` when no other job may follow: then this one is kept
 */
export async function deleteJob(deps: ActivityDeps, input: DeleteJobInput): Promise<DeleteJobResult> {
  const folder = await ExportFolder.open(deps.config, input.ref, { starting: true });
  let left: { error: unknown } | undefined;
  // A disk that is full, or read-only by now, keeps no job on the server.
  if (input.removeParts) await folder.removeParts().catch((error: unknown) => (left = { error }));
  const result = await tellServer(deps, folder, input);
  if (left === undefined || result.kind === 'trouble' || result.kind === 'tokenNeeded') return result;
  if (left.error instanceof ExportError) return { ...result, left: left.error.message };
  throw left.error;
}

async function tellServer(
  deps: ActivityDeps,
  folder: ExportFolder,
  { ref, removeParts, next, token }: DeleteJobInput,
): Promise<DeleteJobResult> {
  // The kick-off may still be under way, and be answered when this run has ended. A disk that takes no note takes no job.
  if (removeParts && !isAccepted(await folder.job.read())) {
    await folder.job.wantNoMore(activityInfo().workflowExecution?.runId).catch(() => {});
  }
  // Also of an earlier job, when the one that was to follow was not accepted.
  const job = lastAccepted(await folder.job.read());
  if (job === undefined) return { kind: 'nothingToDelete' };
  if (job.deleted === true) return { kind: 'deleted' };
  const server = await deps.servers.get(ref.server).catch((error: unknown) => {
    // The workflow decides for how long others, or this worker later, may try.
    if (error instanceof UnreadableHereError) return error;
    if (error instanceof ExportError && error.code === 'UnknownServer') return error;
    throw error;
  });
  if (server instanceof ExportError) return { kind: 'trouble', detail: server.message, passes: true };
  if (next !== undefined) requireNext(server, next, ref);
  const authorized = await server.authorize(token);
  if (authorized.kind === 'tokenNeeded') return authorized;
  // Another run may be at work with this very job by now.
  await folder.mayChange();
  const headers = { accept: 'application/fhir+json' };
  const sent = await server.sendAs(authorized, { what: 'delete', method: 'DELETE', url: job.statusUrl, headers });
  if (sent.kind === 'unreachable') {
    const detail = `${sent.detail}${server.settings.deleteFreesSlot ? SLOT_IS_TAKEN : ''}`;
    return { kind: 'trouble', detail, passes: true };
  }
  if (sent.kind === 'refusedUrl') return { kind: 'unsupported', detail: sent.detail };
  const { response } = sent;
  await response.body.dump();
  const { status } = response;
  if ((status >= 200 && status < 300) || status === 404 || status === 410) {
    await folder.job.saveDeleted(job).catch((error: unknown) => {
      // Another run has the folder, or somebody has taken it away: the job is gone all the same.
      if (!(error instanceof ExportError)) throw error;
    });
    return { kind: 'deleted' };
  }
  const detail = `HTTP ${status}${server.settings.deleteFreesSlot ? SLOT_IS_TAKEN : ''}`;
  if (status === 401 && authorized.kind === 'token') return tokenRefused(authorized.epoch, detail);
  if (status === 405 || status === 501) {
    // After a complete export nobody will ask again; also when it was to stop since.
    if (!removeParts || (await folder.result.published()) !== undefined) await folder.job.redact();
    return { kind: 'unsupported', detail };
  }
  const retryAfter = parseRetryAfter(response.headers['retry-after'], response.headers['date'], Date.now());
  const passes = PASSING.has(status) || retryAfter !== undefined;
  return { kind: 'trouble', detail, retryAfter, ...busyBy(response), ...(passes ? { passes } : {}) };
}

/** The configuration may have changed. What the job before still has is all that there is, if no other may follow. */
function requireNext(server: FhirServer, request: KickOffInput['request'], { destination }: ExportRef): void {
  server.requireAllowed({ ...request, destination });
  server.fit(request);
}
