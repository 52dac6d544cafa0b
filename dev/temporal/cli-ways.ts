import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { buildWithGo } from '../programs/build-with-go.ts';
import { cachedPath, install, programInCache } from '../programs/cache.ts';
import { findOnPath } from '../programs/find-program.ts';
import { isAtLeast, minimumVersion, pinnedVersion, readVersion } from './cli-version.ts';
import { projectRoot } from './project.ts';
import { runTool } from './tool.ts';

// Each function here is one way to get a Temporal CLI: it yields the path of one that works, or throws the reason.

const check = (path: string): Promise<string> => readVersion(path);

/** The `temporal` on the PATH, if it is at least `minimumVersion`. */
export async function cliOnPath(env: NodeJS.ProcessEnv): Promise<string> {
  const cli = findOnPath('temporal', env);
  const version = await readVersion(cli, env);
  if (!isAtLeast(version, minimumVersion)) throw new Error(`${cli} is ${version}, older than ${minimumVersion}`);
  return cli;
}

/** Where the CLI that we downloaded or built is kept: in the user's cache folder, for all checkouts. */
export function cachedCliPath(env: NodeJS.ProcessEnv, platform?: NodeJS.Platform): string {
  return cachedPath({ folder: 'temporal-cli', version: pinnedVersion, program: 'temporal' }, env, platform);
}

/** The CLI that an earlier run downloaded or built. */
export function cliInCache(path: string): Promise<string> {
  return programInCache(path, check);
}

/**
 * Downloads the CLI to `path` in the way `@temporalio/testing` does. It runs in a process of its own, so that neither
 * a download that hangs nor the server that this package starts afterwards can stay behind.
 */
export function downloadCli(
  path: string,
  program = join(projectRoot, 'dist/dev/temporal/download.js'),
): Promise<string> {
  return install(path, check, async (folder) => {
    await runTool(process.execPath, [program, folder, pinnedVersion], { timeout: 300_000 });
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error('nothing was downloaded');
    return join(folder, file);
  });
}

/** Builds the CLI to `path` with Go, from the module in `tools/temporal-cli`. Takes some minutes the first time. */
export function buildCli(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const tool = {
    module: 'tools/temporal-cli',
    source: 'github.com/temporalio/cli/cmd/temporal',
    setVersion: `-X github.com/temporalio/cli/internal/temporalcli.Version=${pinnedVersion}`,
  };
  return buildWithGo(path, check, tool, env);
}
