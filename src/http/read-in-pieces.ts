import { Readable } from 'node:stream';

/**
 * Has a socket give out each piece that was pushed by itself. `read()` without a size would copy all pieces that wait
 * into new memory, which is the usual case when the reader is the slower one, and with TLS, whose pieces have 16 KiB.
 */
export function readInPieces(socket: Readable): void {
  const lengths: number[] = [];
  const push = socket.push.bind(socket);
  const unshift = socket.unshift.bind(socket);
  // Not the socket's own (Node.js, `lib/net.js`): with `onread` that one starts reading at every call, however much waits
  // to be taken. The stream itself has the socket read when less than its high-water mark waits.
  const read = Readable.prototype.read.bind(socket);
  Object.assign(socket, {
    push: (chunk: Buffer | null) => {
      // An empty one is no piece: to read it would be to read nothing, which looks like the end of what waits.
      if (chunk !== null && chunk.length > 0) lengths.push(chunk.length);
      return push(chunk);
    },
    unshift: (chunk: Buffer) => {
      if (chunk.length > 0) lengths.unshift(chunk.length);
      unshift(chunk);
    },
    read: (size?: number): Buffer | null => {
      const length = size === undefined ? lengths.shift() : undefined;
      // Never more than is there: the stream would wait for it.
      return (length === undefined ? read(size) : read(Math.min(length, socket.readableLength))) as Buffer | null;
    },
  });
}
