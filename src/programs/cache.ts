import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';

import { projectRoot } from './project.ts';
import { runTool } from './tool.ts';

/** A program that we download or build once, for all checkouts. */
export interface CachedProgram {
  /** Folder in the cache, such as `temporal-cli`. */
  name: string;
  version: string;
  file: string;
  /** Throws when the program does not work. */
  check: (path: string) => Promise<unknown>;
}

/** The path of a program in the user's cache folder. */
export function cachedPath(
  { name, version, file }: CachedProgram,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): string {
  return join(cacheFolder(env, platform), 'fhir-bulk-export', name, version, file);
}

/** Path of a program on the PATH. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string {
  const found = (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
  if (found === undefined) throw new Error('not found');
  return found;
}

/** The copy of an earlier run. */
export async function fromCache(program: CachedProgram, path: string): Promise<string> {
  if (!isExecutable(path)) throw new Error('not there yet');
  await program.check(path);
  return path;
}

/**
 * Moves the program that `produce` makes in a temporary folder to `path`, and the other files of that folder beside it.
 * The program comes last and in one step, so that several processes may install it at the same time.
 */
export async function install(
  program: CachedProgram,
  path: string,
  produce: (folder: string) => Promise<string>,
): Promise<string> {
  const target = dirname(path);
  const folder = join(target, `.new-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const file = await produce(folder);
    await program.check(file);
    for (const name of await readdir(folder)) {
      if (name !== basename(file)) await moveOnce(join(folder, name), join(target, name));
    }
    await rename(file, path);
    return path;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Moves a folder, unless another process has moved the same one in the meantime. */
async function moveOnce(folder: string, target: string): Promise<void> {
  try {
    await rename(folder, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/**
 * Downloads a program to `path` by means of `@temporalio/testing`, in a process of its own, so that neither a download
 * that hangs nor the server that this package then starts can outlive it.
 */
export function download(
  program: CachedProgram,
  path: string,
  downloader = join(projectRoot, 'dist/src/programs/download.js'),
): Promise<string> {
  return install(program, path, async (folder) => {
    await runTool(process.execPath, [downloader, program.name, folder, program.version], { timeout: 300_000 });
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error('nothing was downloaded');
    return join(folder, file);
  });
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  return env.XDG_CACHE_HOME || join(homedir(), '.cache');
}
