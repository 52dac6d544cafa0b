import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { spawnOwned } from '../../src/programs/child.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/test/support/many-commands.js', import.meta.url));
/** Milliseconds. */
const LONGEST = 60_000;

export interface CliResult {
  /** Exit code; null after a signal. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs short commands in one process, one after another. */
export type CommandProcess = (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<CliResult>;

/**
 * A process for short commands, which starts with the first one and ends with this process: one for each of them would
 * take most of a second of CPU to load the same modules.
 *
 * @param cwd in which they run
 * @param ownEnv environment of all; each can have more
 */
export function commandProcess(cwd: string, ownEnv: NodeJS.ProcessEnv): CommandProcess {
  let child: ReturnType<typeof spawnOwned> | undefined;
  return async (args, env = {}) => {
    child ??= spawnOwned(process.execPath, [PROGRAM], {
      cwd,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: ownEnv,
    });
    const answered = once(child, 'message', { signal: AbortSignal.timeout(LONGEST) });
    child.send({ args, env });
    return (await answered)[0] as CliResult;
  };
}
