import { runTool } from '../programs/tool.ts';

/** Version of the Temporal CLI that this project is developed with; also in `tools/temporal-cli/go.mod`. */
export const pinnedVersion = '1.8.2';

/**
 * Oldest `temporal` on the PATH that we use instead of our own: 1.5.0 is the first with server 1.29. Older servers lack
 * features that the worker and the documented commands need.
 */
export const minimumVersion = '1.5.0';

/** Reads the version of a Temporal CLI, such as `1.8.2`. Throws when it does not run, and for any other program. */
export async function readVersion(cli: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const answer = await runTool(cli, ['--version'], { env, timeout: 20_000 });
  const version = /^temporal version (\d+\.\d+\.\d+)/m.exec(answer)?.[1];
  if (version === undefined) {
    throw new Error(`${cli} is not a Temporal CLI: --version says ${JSON.stringify(answer.trim().slice(0, 80))}`);
  }
  return version;
}

/** Whether a version such as `1.10.0` is the given one or a later one. */
export function isAtLeast(version: string, minimum: string): boolean {
  return version.localeCompare(minimum, 'en', { numeric: true }) >= 0;
}
