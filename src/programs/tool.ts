import { killGroup, spawnOwned } from './child.ts';

/** How to run a tool to its end. */
export interface ToolOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds after which the tool and all its children are killed. Default: no limit. */
  timeout?: number;
}

/**
 * Runs a tool and returns its standard output.
 *
 * @throws Error with a readable reason when the tool is missing, fails (with its last lines), or takes too long
 */
export function runTool(file: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  const { timeout, ...spawnOptions } = options;
  return new Promise((resolve, reject) => {
    const child = spawnOwned(file, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let timedOut = false;
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    const kill = (): void => {
      timedOut = true;
      killGroup(child, 'SIGKILL');
    };
    const timer = timeout === undefined ? undefined : setTimeout(kill, timeout);

    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(new Error(startFailure(file, error)));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (timedOut) reject(new Error(`no answer within ${timeout! / 1000} s`));
      else if (code === 0) resolve(output);
      else reject(new Error(`ended with ${signal ?? `exit code ${code}`}${lastLines(errors || output)}`));
    });
  });
}

function startFailure(file: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `${file} was not found`;
  if (error.code === 'EACCES') return `${file} is not executable`;
  return `${file} cannot be started: ${error.message}`;
}

function lastLines(text: string): string {
  const lines = text.trim().split('\n').slice(-5).join('\n');
  return lines === '' ? '' : `: ${lines}`;
}
