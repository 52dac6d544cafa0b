import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { executable, isExecutable } from './find-program.ts';

/** Yields when a program works; throws the reason when it does not. */
export type CheckProgram = (path: string) => Promise<unknown>;

/** Where a program that we downloaded or built is kept: in the user's cache folder, for all checkouts. */
export function cachedPath(
  { folder, version, program }: { folder: string; version: string; program: string },
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): string {
  return join(cacheFolder(env, platform), 'fhir-bulk-export', folder, version, executable(program));
}

/** The program that an earlier run downloaded or built. */
export async function programInCache(path: string, check: CheckProgram): Promise<string> {
  if (!isExecutable(path)) throw new Error('nothing there yet');
  await check(path);
  return path;
}

/** Puts the file that `produce` makes in a temporary folder to `path` in one step, so that processes may do it at once. */
export async function install(
  path: string,
  check: CheckProgram,
  produce: (folder: string) => Promise<string>,
): Promise<string> {
  const folder = join(dirname(path), `.new-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const file = await produce(folder);
    await check(file);
    await rename(file, path);
    return path;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === 'win32') return env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  return env.XDG_CACHE_HOME || join(homedir(), '.cache');
}
