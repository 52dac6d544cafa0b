import { channel } from 'node:diagnostics_channel';
import { appendFileSync, existsSync, promises, readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Worker } from '@temporalio/worker';
import { FileThread } from '../../src/storage/directory/file-thread.ts';

/** Where a worker process kills itself. */
export interface KillPoint {
  /**
   * - `named`: a file gets its name, as everything at a directory destination does after it is durable
   * - `sent`: the head of an HTTP request is sent, and its answer has not come
   * - `answered`: the head of an HTTP answer has come, and nothing has been done about it
   * - `done`: an activity has its result, and has not reported it
   */
  on: 'named' | 'sent' | 'answered' | 'done';
  /** Regular expression: the file's path, `METHOD /path?query`, or the activity's type. */
  what: string;
  /** Of `named`; default `after`. */
  when?: 'before' | 'after';
  /** Which occurrence in the process; default 1. */
  nth?: number;
  /** How many processes it kills; default 1. */
  times?: number;
}

/**
 * Makes this process kill itself at a point, by wrapping what the worker is made of from outside: the file system, the
 * channels on which undici tells what it does, and the creation of workers.
 *
 * @param marker file that counts the kills, so that a later process with the same point is spared
 */
export function armKillPoint({ on, what, when = 'after', nth = 1, times = 1 }: KillPoint, marker: string): void {
  if (existsSync(marker) && readFileSync(marker, 'utf8').length >= times) return;
  const pattern = new RegExp(what);
  let seen = 0;
  const reached = (name: string): boolean => pattern.test(name) && ++seen === nth;
  const die = (): never => {
    appendFileSync(marker, '.');
    process.kill(process.pid, 'SIGKILL');
    // The signal is on its way; nothing more may happen.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };

  if (on === 'named') {
    // Small files may get their names in another thread, where these calls are not wrapped.
    FileThread.prototype.forStep = () => undefined;
    for (const call of ['rename', 'link'] as const) {
      const original = promises[call];
      promises[call] = async (from, to) => {
        if (when === 'before' && reached(String(to))) die();
        await original(from, to);
        // Reached only now: the first call fails where the folder has still to be made.
        if (when === 'after' && reached(String(to))) die();
      };
    }
    syncBuiltinESMExports();
  }
  if (on === 'sent' || on === 'answered') {
    const told = on === 'sent' ? 'undici:client:sendHeaders' : 'undici:request:headers';
    channel(told).subscribe((message) => {
      const { request } = message as { request: { method: string; path: string } };
      if (!reached(`${request.method} ${request.path}`)) return;
      // What is sent is written to the socket after this.
      if (on === 'sent') setTimeout(die, 200);
      else die();
    });
  }
  if (on === 'done') {
    const create = Worker.create.bind(Worker);
    Worker.create = (options) =>
      create({
        ...options,
        interceptors: {
          activity: [
            ({ info }) => ({
              inbound: {
                async execute(input, next) {
                  const result = await next(input);
                  if (reached(info.activityType)) die();
                  return result;
                },
              },
            }),
          ],
        },
      });
  }
}
