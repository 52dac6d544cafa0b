import type { Readable } from 'node:stream';

/**
 * Memory that sockets read into. Without it every read allocates 64 KiB outside of V8's heap, and a fast download
 * makes V8 collect the whole heap again and again for that (docs/performance.md has the figure).
 *
 * A slab belongs to one connection at a time and is filled by one read after the other. It is used again when every byte
 * of it is done with: those of bodies when their receivers release them, those between (headers, lengths of chunks) when
 * what follows them is {@link received}, or the connection is closed. Bytes that nobody releases cost a new slab, and
 * nothing else: theirs is left to the garbage collector.
 */

/** Bytes of a slab: larger ones gained nothing, and each connection holds one. */
export const SLAB = 512 * 1024;
/** Bytes that must be left for another read: as many as libuv would allocate for it. */
const LEAST = 64 * 1024;
/** Slabs that are kept for later. */
const MOST_FREE = 8;

interface Slab {
  memory: ArrayBuffer;
  /** Bytes that are not done with. */
  inUse: number;
  /** Bytes from the beginning that have been parsed, or else are done with. */
  parsed: number;
  /** Slabs of the same connection, in order, from the oldest that has bytes which have not been parsed. */
  ofConnection: Slab[];
}

const free: ArrayBuffer[] = [];
const slabs = new WeakMap<ArrayBufferLike, Slab>();
/** Memory of others, and its bytes that are not done with. */
const others = new WeakMap<ArrayBufferLike, { inUse: number; onReleased: () => void }>();

/** What the last read has left of its slab: Node asks for its connection's next memory right after each read. */
let next: { rest: Uint8Array; ofConnection: Slab[] } | undefined;

/** An option of `net.connect` and `tls.connect` (Node.js, `socket.connect`), which undici passes on. */
export const readIntoSlabs = {
  buffer(): Uint8Array {
    const { rest, ofConnection } = next ?? { rest: undefined, ofConnection: [] };
    next = undefined;
    return rest !== undefined && rest.length >= LEAST ? rest : takeSlab(ofConnection);
  },
  /** @returns false when the socket is to stop reading */
  callback(this: Readable, bytes: number, memory: Uint8Array): boolean {
    const { ofConnection } = slabs.get(memory.buffer) as Slab;
    const isFirst = ofConnection.length === 1 && memory.byteOffset === 0;
    if (isFirst) this.once('close', () => ofConnection.splice(0).forEach((slab) => parsedUpTo(slab, SLAB)));
    const wantsMore = this.push(Buffer.from(memory.buffer, memory.byteOffset, bytes));
    next = { rest: memory.subarray(bytes), ofConnection };
    return wantsMore;
  },
};

/**
 * A parser has found these bytes in what a connection has read, and passes them on: their receiver releases them. All
 * that the connection had read before is done with, but for bytes that were received.
 */
export function received(chunk: Uint8Array): void {
  const slab = slabs.get(chunk.buffer);
  if (slab === undefined) return;
  const { ofConnection } = slab;
  while (ofConnection.length > 1 && ofConnection[0] !== slab) parsedUpTo(ofConnection.shift() as Slab, SLAB);
  parsedUpTo(slab, chunk.byteOffset);
  slab.parsed = chunk.byteOffset + chunk.length;
}

/**
 * Bytes that were {@link received}, or are of memory that somebody {@link awaitRelease awaits}, are done with, and may
 * change. Once for each; other memory is ignored.
 */
export function release(chunk: Uint8Array): void {
  const slab = slabs.get(chunk.buffer);
  if (slab !== undefined) return doneWith(slab, chunk.length);
  const other = others.get(chunk.buffer);
  if (other === undefined) return;
  other.inUse -= chunk.length;
  if (other.inUse === 0) other.onReleased();
}

/**
 * Has memory that is passed on piece by piece await its release.
 *
 * @param onReleased called when every byte of it has been passed on and released; of the same memory the first one counts
 */
export function awaitRelease(memory: ArrayBufferLike, onReleased: () => void): void {
  if (!others.has(memory)) others.set(memory, { inUse: memory.byteLength, onReleased });
}

function parsedUpTo(slab: Slab, end: number): void {
  const { parsed } = slab;
  slab.parsed = end;
  doneWith(slab, end - parsed);
}

function doneWith(slab: Slab, bytes: number): void {
  // Of a slab that was released as a whole nothing is left; its memory may belong to another connection.
  if (bytes === 0) return;
  slab.inUse -= bytes;
  if (slab.inUse > 0) return;
  slabs.delete(slab.memory);
  if (free.length < MOST_FREE) free.push(slab.memory);
}

function takeSlab(ofConnection: Slab[]): Uint8Array {
  // Not zeroed: only what has been read is ever looked at.
  const memory = free.pop() ?? Buffer.allocUnsafeSlow(SLAB).buffer;
  const slab = { memory, inUse: SLAB, parsed: 0, ofConnection };
  ofConnection.push(slab);
  slabs.set(memory, slab);
  return new Uint8Array(memory);
}
