/** What of a socket is used. */
export interface PieceSource {
  readonly readableLength: number;
  push(chunk: Buffer): boolean;
  unshift(chunk: Buffer): void;
  read(size?: number): Buffer | null;
}

/**
 * Has a socket give out each piece that was pushed by itself. `read()` without a size would copy all pieces that wait
 * into new memory, which is the usual case when the reader is the slower one, and with TLS, whose pieces have 16 KiB.
 */
export function readInPieces(socket: PieceSource): void {
  const lengths: number[] = [];
  const push = socket.push.bind(socket);
  const unshift = socket.unshift.bind(socket);
  const read = socket.read.bind(socket);
  Object.assign(socket, {
    push: (chunk: Buffer | null) => {
      if (chunk !== null) lengths.push(chunk.length);
      return push(chunk as Buffer);
    },
    unshift: (chunk: Buffer) => {
      if (chunk.length > 0) lengths.unshift(chunk.length);
      unshift(chunk);
    },
    read: (size?: number) => {
      const length = size === undefined ? lengths.shift() : undefined;
      // Never more than is there: the stream would wait for it.
      return length === undefined ? read(size) : read(Math.min(length, socket.readableLength));
    },
  });
}
