import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

const owned = new Set<ChildProcess>();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Starts a program that ends with this process, unless this process is killed by SIGKILL.
 *
 * The program gets its own process group, so that Ctrl-C in the terminal reaches only this process, which decides in
 * which order things stop. A program that cannot be started makes the child emit `error`, as with `spawn`.
 */
export function spawnOwned(file: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(file, args, { ...options, detached: true });
  if (child.pid !== undefined) own(child);
  return child;
}

/** Sends a signal to the program and to everything it started. A program that has already ended is ignored. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function own(child: ChildProcess): void {
  if (owned.size === 0) {
    process.on('exit', killAll);
    for (const signal of signals) process.on(signal, onSignal);
  }
  owned.add(child);
  child.once('exit', () => {
    owned.delete(child);
    if (owned.size === 0) stopListening();
  });
}

function onSignal(signal: NodeJS.Signals): void {
  // Another listener means that this process stops in an order of its own, and emits `exit` in the end.
  if (process.listenerCount(signal) > 1) return;
  killAll();
  stopListening();
  process.kill(process.pid, signal);
}

function killAll(): void {
  for (const child of owned) killGroup(child, 'SIGTERM');
}

function stopListening(): void {
  process.off('exit', killAll);
  for (const signal of signals) process.off(signal, onSignal);
}
