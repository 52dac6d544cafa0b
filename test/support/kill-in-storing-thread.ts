import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

/** Where the thread that stores small files kills the whole process: before or after the nth call of a function. */
export interface StoringKill {
  call: 'openSync' | 'writeSync' | 'linkSync' | 'unlinkSync';
  when: 'before' | 'after';
  nth: number;
}

// Loaded before anything else (`node --import`) in each thread of a worker process. Of all of them the storing one alone
// uses these functions, but for files of other kinds.
const { STORING_KILL: given } = process.env;
if (given !== undefined && !isMainThread) arm(JSON.parse(given) as StoringKill);

function arm({ call, when, nth }: StoringKill): void {
  const original = fs[call] as (...args: unknown[]) => unknown;
  let seen = 0;
  Object.assign(fs, {
    [call]: (...args: unknown[]) => {
      const isReached = (call !== 'openSync' || String(args[0]).endsWith('.part')) && ++seen === nth;
      if (isReached && when === 'before') die();
      const result = original(...args);
      if (isReached) die();
      return result;
    },
  });
  syncBuiltinESMExports();
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way; nothing more may happen.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
