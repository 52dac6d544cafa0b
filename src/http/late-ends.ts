import type { Readable } from 'node:stream';
import { errors } from 'undici';

/**
 * Has a socket that ends or breaks wait with it for undici's parser, which must not be paused then: undici asserts that,
 * in a callback of the socket, and the process dies (nodejs/undici issue 5360). A receiver that is slower than the server
 * pauses the parser all the time, and an answer with `Connection: close` ends its connection.
 *
 * - The end is passed on when somebody reads and nothing is left, since the parser reads only when it is not paused.
 * - undici takes a reset, or a close without an error, for a possible end of a body without a length. Either is a break
 *   for certain, and is told as one: then the parser is not asked.
 */
export function passEndsOnLate(socket: Readable): void {
  let end: 'to come' | 'held' | 'passed on' = 'to come';
  const push = socket.push.bind(socket);
  const read = socket.read.bind(socket);
  const destroy = socket.destroy.bind(socket);
  Object.assign(socket, {
    push: (chunk: Buffer | null) => {
      if (chunk !== null || end === 'passed on') return push(chunk);
      end = 'held';
      process.nextTick(() => socket.destroyed || socket.emit('readable'));
      return false;
    },
    read: (size?: number) => {
      if (end !== 'held') return read(size) as Buffer | null;
      // Asks the socket to read on, which would find the same end.
      if (size !== undefined) return null;
      if (socket.readableLength === 0) {
        end = 'passed on';
        push(null);
      }
      return read() as Buffer | null;
    },
    destroy: (error?: Error | null) => destroy(breakOf(error)),
  });
}

/** An error by which undici knows a break. */
function breakOf(error: Error | null | undefined): Error {
  if (error === undefined || error === null) return new errors.SocketError('closed');
  // Known by its code, which the cause still has.
  const isReset = 'code' in error && error.code === 'ECONNRESET';
  return isReset ? new Error(error.message, { cause: error }) : error;
}
