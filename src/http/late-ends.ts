import type { Readable } from 'node:stream';
import { errors } from 'undici';

/**
 * Has a socket that ends or breaks wait with it for undici's parser, which must not be paused then: undici asserts that,
 * in a callback of the socket, and the process dies (nodejs/undici issue 5360). A receiver that is slower than the server
 * pauses the parser all the time, and an answer with `Connection: close` ends its connection.
 *
 * - Either is passed on when somebody reads and nothing is left: the parser reads only when it is not paused. A parser
 *   that was paused on the last bytes of a body tells of its end right behind that read, and only while the connection
 *   stands; a break is passed on behind that. So a body that has come is whole although its server resets the connection.
 * - undici takes a reset, or a close without an error, for a possible end of a body without a length. Either is a break
 *   for certain, and is told as one: then the parser is not asked.
 */
export function passEndsOnLate(socket: Readable): void {
  let end: 'to come' | 'held' | 'passed on' = 'to come';
  /** What breaks the connection instead of its end. */
  let held: Error | undefined;
  const push = socket.push.bind(socket);
  const read = socket.read.bind(socket);
  const destroy = socket.destroy.bind(socket);
  const hold = (): void => {
    end = 'held';
    process.nextTick(() => socket.destroyed || socket.emit('readable'));
  };
  Object.assign(socket, {
    push: (chunk: Buffer | null) => {
      if (chunk !== null || end === 'passed on') return push(chunk);
      hold();
      return false;
    },
    read: (size?: number) => {
      if (end !== 'held') return read(size) as Buffer | null;
      // Asks the socket to read on, which would find the same end.
      if (size !== undefined) return null;
      if (socket.readableLength > 0) return read() as Buffer | null;
      end = 'passed on';
      if (held === undefined) {
        push(null);
        return read() as Buffer | null;
      }
      // Before anybody who was waiting for the end of the body can send another request here.
      queueMicrotask(() => destroy(held));
      return null;
    },
    destroy: (error?: Error | null) => {
      if (end === 'passed on' || !isOfConnection(error)) return destroy(breakOf(error));
      held ??= breakOf(error);
      hold();
      return socket;
    },
  });
}

/** Whether the other side or the network is why: undici and its callers have errors of their own. */
function isOfConnection(error: Error | null | undefined): boolean {
  return error !== undefined && error !== null && 'syscall' in error;
}

/** An error by which undici knows a break, and that nothing of a request which waits for the connection was sent. */
function breakOf(error: Error | null | undefined): Error {
  if (error === undefined || error === null) return new errors.SocketError('closed');
  return isOfConnection(error) ? Object.assign(new errors.SocketError(error.message), { cause: error }) : error;
}
