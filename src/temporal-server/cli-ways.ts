import { buildWithGo } from '../programs/build-with-go.ts';
import type { CachedProgram } from '../programs/cache.ts';
import { findOnPath } from '../programs/cache.ts';
import { isAtLeast, minimumVersion, pinnedVersion, readVersion } from './cli-version.ts';

/** The CLI that we download or build. */
export const temporalCli: CachedProgram = {
  name: 'temporal-cli',
  version: pinnedVersion,
  file: 'temporal',
  check: (path) => readVersion(path),
};

/** The `temporal` on the PATH, if it is at least `minimumVersion`. */
export async function cliOnPath(env: NodeJS.ProcessEnv): Promise<string> {
  const cli = findOnPath('temporal', env);
  const version = await readVersion(cli, env);
  if (!isAtLeast(version, minimumVersion)) throw new Error(`${cli} is ${version}, older than ${minimumVersion}`);
  return cli;
}

/** Builds the CLI to `path` with Go, from the module in `tools/temporal-cli`. Takes some minutes the first time. */
export function buildCli(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const tool = {
    module: 'tools/temporal-cli',
    source: 'github.com/temporalio/cli/cmd/temporal',
    setVersion: `-X github.com/temporalio/cli/internal/temporalcli.Version=${pinnedVersion}`,
  };
  return buildWithGo(temporalCli, path, tool, env);
}
