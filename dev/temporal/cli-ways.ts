import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

import { isAtLeast, minimumVersion, pinnedVersion, readVersion } from './cli-version.ts';
import { projectRoot } from './project.ts';
import { runTool } from './tool.ts';

// Each function here is one way to get a Temporal CLI: it yields the path of one that works, or throws the reason.

const executable = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** The `temporal` on the PATH, if it is at least `minimumVersion`. */
export async function cliOnPath(env: NodeJS.ProcessEnv): Promise<string> {
  const cli = (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, executable))
    .find(isExecutable);
  if (cli === undefined) throw new Error('there is none');
  const version = await readVersion(cli, env);
  if (!isAtLeast(version, minimumVersion)) throw new Error(`${cli} is ${version}, older than ${minimumVersion}`);
  return cli;
}

/** Where the CLI that we downloaded or built is kept: in the user's cache folder, for all checkouts. */
export function cachedCliPath(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string {
  return join(cacheFolder(env, platform), 'fhir-bulk-export', 'temporal-cli', pinnedVersion, executable);
}

/** The CLI that an earlier run downloaded or built. */
export async function cliInCache(path: string): Promise<string> {
  if (!isExecutable(path)) throw new Error('nothing there yet');
  await readVersion(path);
  return path;
}

/**
 * Downloads the CLI to `path` in the way `@temporalio/testing` does. It runs in a process of its own, so that neither
 * a download that hangs nor the server that this package starts afterwards can stay behind.
 */
export function downloadCli(
  path: string,
  program = join(projectRoot, 'dist/dev/temporal/download.js'),
): Promise<string> {
  return install(path, async (folder) => {
    await runTool(process.execPath, [program, folder, pinnedVersion], { timeout: 300_000 });
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error('nothing was downloaded');
    return join(folder, file);
  });
}

/** Builds the CLI to `path` with Go, from the module in `tools/temporal-cli`. Takes some minutes the first time. */
export function buildCli(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  return install(path, async (folder) => {
    const built = join(folder, executable);
    const setVersion = `-X github.com/temporalio/cli/internal/temporalcli.Version=${pinnedVersion}`;
    const module = join(projectRoot, 'tools/temporal-cli');
    await runTool(
      'go',
      ['build', '-ldflags', `-s -w ${setVersion}`, '-o', built, 'github.com/temporalio/cli/cmd/temporal'],
      { cwd: module, env: { ...env, GOWORK: 'off' } },
    );
    return built;
  });
}

/** Puts the file that `produce` makes in a temporary folder to `path` in one step, so that processes may do it at once. */
async function install(path: string, produce: (folder: string) => Promise<string>): Promise<string> {
  const folder = join(dirname(path), `.new-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const file = await produce(folder);
    await readVersion(file);
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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
