import { delimiter, join } from 'node:path';

import { executableName, install, isExecutable, type CachedProgram } from './cache.ts';
import { isAtLeast, minimumVersion, pinnedVersion, readVersion } from './cli-version.ts';
import { projectRoot } from './project.ts';
import { runTool } from './tool.ts';

// Each function here is one way to get a Temporal CLI: it yields the path of one that works, or throws the reason.

/** The CLI that we download or build. */
export const temporalCli: CachedProgram = {
  name: 'temporal-cli',
  version: pinnedVersion,
  file: 'temporal',
  check: (path) => readVersion(path),
};

/** The `temporal` on the PATH, if it is at least `minimumVersion`. */
export async function cliOnPath(env: NodeJS.ProcessEnv): Promise<string> {
  const cli = (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, executableName('temporal')))
    .find(isExecutable);
  if (cli === undefined) throw new Error('there is none');
  const version = await readVersion(cli, env);
  if (!isAtLeast(version, minimumVersion)) throw new Error(`${cli} is ${version}, older than ${minimumVersion}`);
  return cli;
}

/** Builds the CLI to `path` with Go, from the module in `tools/temporal-cli`. Takes some minutes the first time. */
export function buildCli(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  return install(temporalCli, path, async (folder) => {
    const built = join(folder, executableName('temporal'));
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
