import type { FileRequest } from '../../download/ask-file.ts';
import type { Fetched } from '../../download/threads/fetched.ts';
import { fetchInPool } from './fetch-in-pool.ts';
import type { Batch } from './open-batch.ts';

/**
 * Fetches a file, which some servers allow only so many times. Each request is counted before it is sent, and not
 * counted any more when it brought nothing: neither outages nor workers that stop must use up the downloads.
 */
export async function fetchCounted(batch: Batch, request: FileRequest): Promise<Fetched> {
  const { folder, server } = batch;
  const { entry } = request;
  const most = entry.kind === 'attachment' ? undefined : server.settings.maxDownloadsPerFile;
  if (most === undefined) return fetchInPool(batch, request);
  const claim = await folder.asked.claim(batch.request.generation, entry.ordinal, most);
  if (claim === undefined) {
    const detail = `the server allows ${most} downloads of a file, and as many were begun`;
    return { kind: 'trouble', trouble: { cause: 'final', detail, usedUp: true } };
  }
  let nothingCame = true;
  const onBytes = (): void => {
    nothingCame = false;
  };
  try {
    const outcome = await fetchInPool(batch, { ...request, once: true }, onBytes);
    if (outcome.kind === 'trouble' && outcome.nothingCame === true) await folder.asked.giveBack(claim);
    return outcome;
  } catch (error) {
    // A claim that stays costs a download at most; why the attempt has ended matters more.
    if (batch.attempt.signal.aborted && nothingCame) await folder.asked.giveBack(claim).catch(() => {});
    throw error;
  }
}
