import { readFile, readdir } from 'node:fs/promises';

/**
 * Processes that were started for a test, whatever their group: a folder of its own is in their environment. On Linux
 * only.
 */
export async function leftProcesses(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const ours = await Promise.all(
    pids.map(async (pid) => (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).includes(folder)),
  );
  return pids.filter((_, position) => ours[position]);
}
