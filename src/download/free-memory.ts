import { MessageChannel } from 'node:worker_threads';
import { awaitRelease } from '../http/slabs.ts';

/** Nobody receives from a port that is closed, and memory that is sent away is no longer held here. */
const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Frees memory as soon as every byte of it has been passed on and released; whoever still looks at it then finds it empty.
 * V8 lets 64 MiB of memory outside its heap wait for a collection of the whole heap, in each thread: zlib allocates that
 * much in a blink, because all that it gives out is new.
 *
 * @param memory that nobody else writes to, and that is no part of Node's pool
 */
export function freeWhenReleased(memory: ArrayBuffer): void {
  awaitRelease(memory, () => nowhere.postMessage(undefined, [memory]));
}
