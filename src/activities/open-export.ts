import { createHash, randomUUID } from 'node:crypto';
import type { ExportRequest } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { Limits } from '../fhir/limits.ts';
import { HEARTBEAT_SECONDS } from '../heartbeat.ts';
import { defaultDestination, openDestination } from '../storage/destinations.ts';
import type { ExportFolder } from '../storage/export-folder.ts';
import type { ActivityDeps, Owner } from './deps.ts';
import type { ExportMark, ExportRef, Job } from './export-state.ts';
import { FILES, readJson, writeJson } from './export-state.ts';

export interface OpenExportInput {
  request: ExportRequest;
  owner: Owner;
  /** Path below the destination: the request's, or the default. */
  path: string;
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
  /** Histories of older versions lack the ones that came later: read them by `ExportRun.limits`. */
  limits: Limits;
}

/**
 * First step of an export: finds the server and the destination, takes the folder, and learns what the namespace can
 * do.
 *
 * @throws ExportError `UnknownServer`, `UnknownDestination`, `DestinationNotEmpty`, `DestinationFailed`
 */
export async function openExport(deps: ActivityDeps, input: OpenExportInput): Promise<OpenedExport> {
  const { request, owner, path } = input;
  const server = await deps.servers.get(request.server);
  const destination = request.destination?.name ?? defaultDestination(deps.config);
  const folder = await openDestination(deps.config, destination, path);
  const { mark, adopted } = await takeFolder(deps, folder, hashRequest(request), owner);
  const job = await readJson<Job>(folder, FILES.job);
  return {
    ref: { server: request.server, destination, path, mark: mark.mark },
    location: folder.location,
    adopted,
    generation: job === undefined ? 1 : job.generation + (job.deleted === true ? 1 : 0),
    maxConcurrentDownloads: server.config.maxConcurrentDownloads,
    heartbeatSeconds: deps.config.heartbeatSeconds ?? HEARTBEAT_SECONDS,
    needsToken: !server.authorization.isOpen,
    searchAttributes: [...(await deps.registeredSearchAttributes())],
    limits: deps.limits,
  };
}

/** A folder belongs to one request: the same one continues it, another one is refused. */
async function takeFolder(
  deps: ActivityDeps,
  folder: ExportFolder,
  requestHash: string,
  owner: Owner,
): Promise<{ mark: ExportMark; adopted: boolean }> {
  const fresh: ExportMark = { format: 1, mark: randomUUID(), requestHash, owner, createdAt: new Date().toISOString() };
  const found = await readJson<ExportMark>(folder, FILES.mark);
  if (found === undefined) {
    const others = (await folder.list('')).filter((name) => name !== '.export');
    if (others.length > 0) throw notEmpty(folder, `holds other files (${others.slice(0, 3).join(', ')})`);
    if (await folder.create(FILES.mark, JSON.stringify(fresh))) return { mark: fresh, adopted: false };
    return takeFolder(deps, folder, requestHash, owner);
  }
  // A retry of this activity after its report was lost.
  const own = found.owner.workflowId === owner.workflowId && found.owner.firstRunId === owner.firstRunId;
  if (found.requestHash !== requestHash) throw notEmpty(folder, 'belongs to an export with another request');
  if ((await folder.size(FILES.manifest)) !== undefined) throw notEmpty(folder, 'holds a finished export');
  if (own) return { mark: found, adopted: false };
  if (await deps.isRunning(found.owner)) {
    throw notEmpty(folder, `is in use by the running export ${found.owner.workflowId}`);
  }
  // A mark of its own, so that activities that the earlier run left behind stop at their next look.
  await writeJson(folder, FILES.mark, fresh);
  return { mark: fresh, adopted: true };
}

function notEmpty(folder: ExportFolder, why: string): ExportError {
  return new ExportError('DestinationNotEmpty', `${folder.location} ${why}`);
}

/** Equal for requests that ask for the same data at the same place, whatever the order of their fields. */
function hashRequest({ server, level, groupId, parameters, prefer, attachments }: ExportRequest): string {
  const same = { server, level, groupId, parameters, prefer, attachments };
  return createHash('sha256')
    .update(JSON.stringify(sorted(same)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
