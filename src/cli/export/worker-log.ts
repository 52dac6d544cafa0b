import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFolder } from '../../process/data-folder.ts';
import { encodeSegment } from '../../workflows/default-path.ts';

/** Bytes of a log after which the next command begins a new one, and keeps this one as `.log.1`. */
const MOST_BYTES = 10 * 2 ** 20;
/** Milliseconds for which logs are kept after their last line: as long as an export may take. */
const KEPT_FOR = 30 * 24 * 60 * 60 * 1000;

/**
 * Gives the file that the workers of one export log into, in a folder of the user's. Removes logs that are old.
 *
 * @param workflowId names the log
 * @throws Error that says what to do when there can be no such folder
 */
export async function openWorkerLog(workflowId: string): Promise<string> {
  const folder = join(dataFolder(), 'logs');
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new Error(`Logs cannot be kept (${error.message}). XDG_DATA_HOME names another place for them.`, {
      cause: error,
    });
  });
  const log = join(folder, `${encodeSegment(workflowId)}.log`);
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    // Another command may do the same at the same time.
    if (found !== undefined && found.mtimeMs < Date.now() - KEPT_FOR) await rm(file, { force: true });
    else if (file === log && (found?.size ?? 0) > MOST_BYTES) await rename(log, `${log}.1`).catch(() => {});
  }
  return log;
}
