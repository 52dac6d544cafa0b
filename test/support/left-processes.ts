import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

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

/** Kills all of them, and waits until they are gone. */
export async function killLeftProcesses(folder: string): Promise<void> {
  for (let left = await leftProcesses(folder); left.length > 0; left = await leftProcesses(folder)) {
    // The guard of an embedded server first, which is older: it would start the server again.
    for (const pid of left.sort((a, b) => a - b)) kill(pid);
    await delay(50);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself since it was looked for.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
