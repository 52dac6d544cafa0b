import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { killGroup, spawnOwned } from '../../src/programs/child.ts';
import { projectRoot } from '../../src/programs/project.ts';

const stopLimit = 10_000;

/** A worker in a process of its own, so that killing it touches nothing else. */
export interface WorkerProcess {
  pid: number;
  /** SIGKILL, so the worker cannot clean up. Resolves when the process has ended. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL after 10 s. Resolves when the process has ended. */
  stop(): Promise<void>;
  /** Resolves when the process has ended for any reason, which it names, such as "exit code 1". */
  exited: Promise<string>;
}

/**
 * Starts `dist/src/worker.js`.
 *
 * @param logFile receives its output, after that of earlier workers
 */
export function startWorker(env: NodeJS.ProcessEnv, logFile: string): WorkerProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawnOwned(process.execPath, [join(projectRoot, 'dist/src/worker.js')], {
    env,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const kill = async (): Promise<void> => {
    killGroup(child, 'SIGKILL');
    await exited;
  };
  const stop = async (): Promise<void> => {
    killGroup(child, 'SIGTERM');
    const timer = setTimeout(() => void kill(), stopLimit);
    await exited;
    clearTimeout(timer);
  };
  return { pid: child.pid ?? 0, kill, stop, exited };
}

/** The last lines of a worker's log, for messages about its end. */
export async function lastLines(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n');
  return lines.slice(-5).join('\n');
}
