import { execFile, spawnSync } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Workers } from './workers.ts';

const run = promisify(execFile);

/** A destination's disk that can be filled up. */
export interface SmallDisk {
  folder: string;
  /** Workers cannot tell it from other destinations: when it is full, all are. */
  isEverywhere: boolean;
  fill(): Promise<void>;
  free(): Promise<void>;
  close(): Promise<void>;
}

const SIZE = '16m';
/** Where nothing can be mounted: workers may not write more than this to a file. Smaller are the smallest ones only. */
const FILE_LIMIT = 4096;

/**
 * A file system in memory where one can be mounted; elsewhere a folder, while workers for a time have not the right to
 * write files of some size. Undefined where neither can be had.
 */
export async function openSmallDisk(
  folder: string,
  workers: () => Pick<Workers, 'pids'>,
): Promise<SmallDisk | undefined> {
  await mkdir(folder, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'none', folder]);
  } catch {
    return limitWorkers(folder, workers);
  }
  const ballast = join(folder, 'ballast');
  const unmount = (): void => void spawnSync('umount', ['-l', folder]);
  process.once('exit', unmount);
  return {
    folder,
    isEverywhere: false,
    fill: () => fillUp(ballast),
    free: () => rm(ballast, { force: true }),
    close: async () => {
      process.off('exit', unmount);
      unmount();
    },
  };
}

async function limitWorkers(folder: string, workers: () => Pick<Workers, 'pids'>): Promise<SmallDisk | undefined> {
  const limit = async (bytes: number | 'unlimited'): Promise<void> => {
    const pids = workers().pids.map(String);
    // One that has just ended has no limits.
    const set = (pid: string) => run('prlimit', [`--fsize=${bytes}:unlimited`, '--pid', pid]).catch(() => {});
    await Promise.all(pids.map(set));
  };
  try {
    await run('prlimit', ['--version']);
  } catch {
    return undefined;
  }
  return {
    folder,
    isEverywhere: true,
    fill: () => limit(FILE_LIMIT),
    free: () => limit('unlimited'),
    close: async () => {},
  };
}

async function fillUp(file: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for (let block = Buffer.alloc(1024 * 1024); block.length >= 512;) {
      try {
        if ((await handle.write(block)).bytesWritten < block.length) block = block.subarray(0, block.length / 2);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        block = block.subarray(0, block.length / 2);
      }
    }
  } finally {
    await handle.close();
  }
}
