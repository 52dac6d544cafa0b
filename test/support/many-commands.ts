// Runs the command's own program again and again in this process, a child of the tests: a process for each line would take
// most of a second of CPU to load the same modules. For commands that follow nothing: none may go on beside the next.
import { fileURLToPath } from 'node:url';
import type { CliResult } from './command-process.ts';

/** What the parent sends; a `CliResult` comes back. */
export interface CommandLine {
  args: string[];
  env: Record<string, string>;
}

const MAIN = new URL('../../src/cli/main.js', import.meta.url);
const own = { ...process.env };
const written = { stdout: '', stderr: '' };
let exited = (_code: number): void => {};
let lines = 0;

for (const name of ['stdout', 'stderr'] as const) {
  // Each line listens to its output anew.
  process[name].setMaxListeners(0);
  process[name].write = (chunk: Uint8Array | string, ...more: unknown[]) => {
    written[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const done = more.find((argument) => typeof argument === 'function') as (() => void) | undefined;
    if (done !== undefined) process.nextTick(done);
    return true;
  };
}
process.exit = ((code: number = Number(process.exitCode ?? 0)) => exited(code)) as typeof process.exit;
process.on('message', ({ args, env }: CommandLine) => {
  void run(args, env).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function run(args: string[], env: Record<string, string>): Promise<CliResult> {
  process.argv = [process.execPath, fileURLToPath(MAIN), ...args];
  process.env = { ...own, ...env };
  process.exitCode = 0;
  Object.assign(written, { stdout: '', stderr: '' });
  const code = new Promise<number>((resolve) => (exited = resolve));
  // Another query has the module run again; what it imports is there already.
  lines += 1;
  await import(`${MAIN.href}?line=${lines}`);
  return { code: await code, ...written };
}
