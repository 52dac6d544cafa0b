import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Step, StepAnswer, StepOrder, StepResult, ThreadMessage } from './file-steps.ts';
import { nothingWritten } from './nothing-written.ts';

/** Milliseconds in which bytes become durable where there is no disk to be waited for. */
const QUICK = 0.1;
/**
 * Milliseconds of a step, on the average of so many, from which this thread is the wrong place: over a network each is
 * some trips to a server, and here each waits for the one before.
 */
const SLOW = 2;
const AVERAGED = 100;

/**
 * A thread that takes steps with small files, all those of a message one after another: calls of the system block this
 * thread and nobody else. Where it takes time to make bytes durable, that is left to libuv's pool, after all files of the
 * message have been written: so they become durable side by side, and what the file system commits for one of them is
 * committed for others, too.
 */
const memory = new Uint8Array(workerData as SharedArrayBuffer);
/** So far; where it is, the way to the pool and back would cost more. */
let syncIsQuick = true;
let answers: StepAnswer[] = [];
/** Since the average was last taken. */
let taken = { steps: 0, milliseconds: 0 };

parentPort?.on('message', (orders: readonly StepOrder[]) => {
  const begin = performance.now();
  const written: { id: number; file: number }[] = [];
  for (const { id, step } of orders) {
    try {
      if (step.kind === 'write') written.push({ id, file: write(step) });
      else answer({ id, result: take(step) });
    } catch (error) {
      answer({ id, error: toPlain(error) });
    }
  }
  for (const { id, file } of written) {
    const end = (error: unknown): void => {
      try {
        closeSync(file);
      } catch (fault) {
        // Of some network file systems it is the first to know that bytes could not be stored.
        error ??= fault;
      }
      answer(error === null ? { id } : { id, error: toPlain(error) });
    };
    if (syncIsQuick) syncHere(file, end);
    else fdatasync(file, end);
  }
  count(orders.length, performance.now() - begin);
});
// Nobody would answer the orders that it was about; so the thread ends, and its orders with it.
parentPort?.on('messageerror', (error) => {
  throw error;
});
parentPort?.postMessage('ready' satisfies ThreadMessage);

function count(steps: number, milliseconds: number): void {
  taken.steps += steps;
  taken.milliseconds += milliseconds;
  if (taken.steps < AVERAGED) return;
  if (taken.milliseconds > SLOW * taken.steps) parentPort?.postMessage('slow' satisfies ThreadMessage);
  taken = { steps: 0, milliseconds: 0 };
}

function write({ path, at, bytes }: Step & { kind: 'write' }): number {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (let done = 0; done < bytes;) {
      const some = writeSync(file, memory, at + done, bytes - done, done);
      if (some === 0) throw nothingWritten();
      done += some;
    }
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function take(step: Exclude<Step, { kind: 'write' }>): StepResult {
  switch (step.kind) {
    case 'move':
      linkSync(step.from, step.to);
      absentAsUndefined(() => unlinkSync(step.from));
      return undefined;
    case 'read':
      // In memory of its own: of a small one the pool that it is in would be sent along.
      return absentAsUndefined(() => new Uint8Array(readFileSync(step.path)));
    case 'size':
      return absentAsUndefined(() => statSync(step.path).size);
  }
}

function syncHere(file: number, end: (error: unknown) => void): void {
  const begin = performance.now();
  try {
    fdatasyncSync(file);
  } catch (error) {
    return end(error);
  } finally {
    syncIsQuick = performance.now() - begin < QUICK;
  }
  end(null);
}

function absentAsUndefined<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** With those that come in the same moment: each message wakes the other thread. */
function answer(one: StepAnswer): void {
  if (answers.length === 0) {
    setImmediate(() => {
      parentPort?.postMessage(answers satisfies ThreadMessage);
      answers = [];
    });
  }
  answers.push(one);
}

function toPlain(error: unknown): NonNullable<StepAnswer['error']> {
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  return { message, code, syscall };
}
