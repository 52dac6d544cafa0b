import type { Config } from '../config.ts';
import type { ExportRequest, Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { Limits } from '../policy/limits.ts';
import { HEARTBEAT_SECONDS } from '../policy/heartbeats.ts';
import { defaultDestination } from '../storage/destinations.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import { hashRequest, hashSeries } from '../export-folder/request-hash.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { Job } from '../export-folder/job-record.ts';
import { canBeRestored, isAccepted } from '../export-folder/job-record.ts';
import type { Owner } from '../export-folder/owner-mark.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { hasGate } from './ask-gate.ts';
import type { LastMark } from '../policy/mark.ts';
import { withSince } from '../policy/with-since.ts';
import type { ActivityDeps } from './deps.ts';
import { findSince } from './find-since.ts';
import { requireValid } from './require-valid.ts';

export interface OpenExportInput {
  request: ExportRequest;
  /** `runId` is absent in histories of earlier versions. */
  owner: Omit<Owner, 'runId'> & { runId?: string };
  /** Path below the destination: the request's, or the default. */
  path: string;
  /** Of incremental exports: where the one before ended. */
  last?: LastMark;
}

/** What the workflow needs to know of the worker's configuration and of the folder. */
export interface OpenedExport {
  ref: ExportRef;
  location: string;
  /** The folder held an earlier run of the same request, which is continued. */
  adopted: boolean;
  /** Number of the job to start or to continue, from 1. */
  generation: number;
  maxConcurrentDownloads: number;
  /** Heartbeat timeout of downloads. Absent in what earlier versions recorded: 10. */
  heartbeatSeconds?: number;
  /** Requests carry credentials, whose epoch the workflow keeps. */
  needsToken: boolean;
  searchAttributes: string[];
  /** The service cannot change the memo of a workflow. */
  memo?: false;
  /** What the server's exports share; absent where they share nothing, and in histories of earlier versions. */
  gate?: GateTerms;
  /** Histories of older versions lack the ones that came later: read them by `ExportRun.limits`. */
  limits: Limits;
  /** The `_since` to be sent; undefined: none, also in histories of earlier versions. */
  since?: string;
  /** As in the report; absent in histories of earlier versions. */
  requestHash?: string;
  warnings?: Warning[];
  /** The workers keep an audit trail. Absent: they keep none. */
  audit?: true;
  /** Milliseconds after the kick-off for which the status URL may be 404. */
  statusLag?: number;
  /** The server's `transactionTime` may be the end of the job. */
  timeIsEnd?: true;
}

/** Why an export has to do with the server's gate. */
export interface GateTerms {
  /** Exports need slots. */
  slots: boolean;
  /** Downloads are shared. */
  downloads: boolean;
  /** The slot is kept until DELETE; otherwise until the end of the job. */
  deleteFreesSlot: boolean;
  /** The server has a job of this export already, which has a slot there. */
  hasJob: boolean;
}

/** Stands for the `_since` of an incremental export to come: the time at which this one begins. */
function laterSince(): string {
  return new Date().toISOString();
}

/**
 * First step of an export: finds the server and the destination, takes the folder, and learns what the namespace can
 * do.
 *
 * @throws ExportError `UnknownServer`, `NotAllowed`, `InvalidRequest`, `UnknownDestination`, `DestinationNotEmpty`, `DestinationFailed`
 */
export async function openExport(deps: ActivityDeps, input: OpenExportInput): Promise<OpenedExport> {
  const { owner, path, last } = input;
  requireValid(input.request, path);
  const server = await deps.servers.get(input.request.server);
  requireReasons(deps.config, input.request);
  const destination = input.request.destination?.name ?? defaultDestination(deps.config);
  const { since, requestHash, warnings } = findSince(server, input.request, last);
  // What it asks for is one with a request that names the time: the one can be continued as the other.
  const request = withSince(input.request, since);
  // Before anything is asked or written; also whether the exports that follow a full one can be sent.
  server.requireAllowed({ ...withSince(input.request, since ?? laterSince()), destination });
  await requireFit(deps, server, request, { destination, path });
  const { folder, mark } = await ExportFolder.take(deps.config, destination, path, {
    requestHash: hashRequest(request),
    seriesHash: hashSeries(request),
    since: request.parameters?.['_since'],
    baseUrl: server.config.baseUrl,
    owner: { runId: owner.firstRunId, ...owner },
    isRunning: (owner) => deps.isRunning(owner),
  });
  const ref: ExportRef = { server: request.server, destination, path, mark: mark.mark };
  const job = await jobOf(deps, ref, folder);
  return {
    ref,
    location: folder.location,
    adopted: mark.adopted ?? false,
    generation: job === undefined ? 1 : job.generation + (job.deleted === true ? 1 : 0),
    maxConcurrentDownloads: server.settings.maxConcurrentDownloads,
    heartbeatSeconds: deps.config.heartbeatSeconds ?? HEARTBEAT_SECONDS,
    needsToken: !server.authorization.isOpen,
    searchAttributes: [...(await deps.registeredSearchAttributes())],
    ...((await deps.canChangeMemo()) ? {} : { memo: false as const }),
    ...gateOf(server, job),
    limits: deps.limits,
    ...statusLag(server),
    ...(deps.config.audit === undefined ? {} : { audit: true as const }),
    ...(since === undefined ? {} : { since }),
    requestHash,
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(server.settings.transactionTimeIsEnd ? { timeIsEnd: true as const } : {}),
  };
}

/** The job to be continued: the earlier one, where another was begun that the server has not accepted. */
async function jobOf(deps: ActivityDeps, ref: ExportRef, folder: ExportFolder): Promise<Job | undefined> {
  const job = await folder.job.read();
  if (!canBeRestored(job, ref.mark)) return job;
  const ours = await ExportFolder.open(deps.config, ref);
  await ours.job.restoreEarlier(ref.mark);
  return ours.job.read();
}

/** Who and what for, where the configuration wants to know. */
function requireReasons({ audit }: Config, { requestedBy, purpose }: ExportRequest): void {
  if (audit?.required !== true) return;
  const missing = Object.entries({ requestedBy, purpose }).filter(
    ([, text]) => text === undefined || text.trim() === '',
  );
  if (missing.length === 0) return;
  const problems = missing.map(([field]) => `${field}: is missing, the configuration (audit.required) wants it`);
  throw new ExportError('InvalidRequest', problems.join('; '));
}

function gateOf({ settings }: FhirServer, job: Job | undefined): { gate?: GateTerms } {
  if (!hasGate(settings)) return {};
  const gate: GateTerms = {
    slots: settings.maxConcurrentExports !== undefined,
    downloads: settings.maxDownloadsInAll !== undefined,
    // Too late a start costs a little; too early a one is refused, and nobody has the slot meanwhile.
    deleteFreesSlot: settings.deleteFreesSlot ?? true,
    hasJob: isAccepted(job) && job.deleted !== true,
  };
  return { gate };
}

function statusLag({ settings: { statusLagSeconds } }: FhirServer): Pick<OpenedExport, 'statusLag'> {
  return statusLagSeconds === undefined ? {} : { statusLag: 1000 * statusLagSeconds };
}

/** What is under way stays so: nothing is kicked off for it, whatever the server's settings say by now. */
async function requireFit(
  deps: ActivityDeps,
  server: FhirServer,
  request: ExportRequest,
  place: { destination: string; path: string },
): Promise<void> {
  try {
    server.fit(request);
    server.fit(withSince(request, request.parameters?.['_since'] ?? laterSince()));
  } catch (error) {
    if (!(await ExportFolder.hasJobOf(deps.config, place, hashRequest(request)))) throw error;
  }
}
