import { execFile, spawnSync } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Workers } from './workers.ts';

const run = promisify(execFile);

/** A destination's disk that can be filled up. */
export interface SmallDisk {
  folder: string;
  fill(): Promise<void>;
  free(): Promise<void>;
  close(): Promise<void>;
}

const SIZE = '16m';
/** Where nothing can be mounted: no file may be larger than this. Below it are the smallest ones only. */
const FILE_LIMIT = 4096;

/**
 * A file system in memory where one can be mounted; elsewhere a folder, for which workers without the right to write
 * files of some size stand in.
 */
export async function openSmallDisk(folder: string, workers: () => Workers): Promise<SmallDisk> {
  await mkdir(folder, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'none', folder]);
  } catch {
    return {
      folder,
      fill: () => workers().limitFiles(FILE_LIMIT),
      free: () => workers().limitFiles(undefined),
      close: async () => {},
    };
  }
  const ballast = join(folder, 'ballast');
  const unmount = (): void => void spawnSync('umount', ['-l', folder]);
  process.once('exit', unmount);
  return {
    folder,
    fill: () => fillUp(ballast),
    free: () => rm(ballast, { force: true }),
    close: async () => {
      process.off('exit', unmount);
      unmount();
    },
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
