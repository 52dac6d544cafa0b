import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { BatchRequest } from './batch/open-batch.ts';
import { openBatch } from './batch/open-batch.ts';
import type { DownloadFilesResult } from './batch/batch-outcome.ts';
import { fetchBatch } from './batch/fetch-batch.ts';
import type { ActivityDeps } from './deps.ts';
import type { Attempt } from './run-activity.ts';

export type { DownloadFilesResult, LaterFiles } from './batch/batch-outcome.ts';

export interface DownloadFilesInput extends BatchRequest {
  ref: ExportRef;
}

/**
 * Fetches the files of a batch one after another; each is stored while the next one comes. It never waits: what the
 * server puts off comes back as `later`. A file that fails does not stop the others; a server that is unreachable or
 * busy does.
 *
 * @throws ExportError `UnknownServer`, `DestinationFailed`, `AuthorizationFailed`
 */
export async function downloadFiles(
  deps: ActivityDeps,
  { ref, ...request }: DownloadFilesInput,
  attempt: Attempt,
): Promise<DownloadFilesResult> {
  const owned = { ...ref, generation: request.generation };
  const folder = await ExportFolder.open(deps.config, owned, { fetching: true });
  const server = await deps.servers.get(ref.server);
  const { http, threads, metrics } = deps;
  const place = { destination: ref.destination, path: ref.path };
  const batch = await openBatch(request, { http, threads, place, folder, server, attempt, metrics });
  const { storing, receipts } = batch;
  try {
    const result = await fetchBatch(batch);
    await storing.end();
    await receipts.save();
    return result;
  } catch (error) {
    // What has been stored must not be read again by the next attempt; that is all, should it fail as well.
    await storing.end().catch(() => {});
    await receipts.save().catch(() => {});
    throw error;
  } finally {
    metrics.stored(ref.server, batch.stored);
  }
}
