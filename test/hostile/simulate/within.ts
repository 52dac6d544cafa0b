import { Script } from 'node:vm';

const CALL = Symbol.for('the call that must end in time');
const call = new Script(`globalThis[Symbol.for(${JSON.stringify(CALL.description)})]()`);

/**
 * Calls a function, and ends it when it takes too long, even in the middle of a loop.
 *
 * @param milliseconds for what it does before it first awaits
 * @throws Error `Script execution timed out` when they are over
 */
export function within<Result>(milliseconds: number, work: () => Result): Result {
  const calls = globalThis as unknown as Record<symbol, () => Result>;
  calls[CALL] = work;
  return call.runInThisContext({ timeout: milliseconds, displayErrors: false }) as Result;
}
