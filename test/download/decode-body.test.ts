import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { receiveBody } from '../../src/download/decode-body.ts';
import { Unpacked } from '../../src/download/unpacked.ts';
import type { Take } from '../../src/http/http-body.ts';
import type { HttpResponse } from '../../src/http/messages.ts';
import { release } from '../../src/http/slabs.ts';
import { lines, sha256 } from './threads/threads-under-test.ts';

const MIB = 1024 * 1024;

/** An answer whose body comes in pieces of so many bytes. */
function answer(content: Buffer, piece: number): HttpResponse {
  const body = {
    async receive(take: Take) {
      for (let at = 0; at < content.length; at += piece) await take(content.subarray(at, at + piece));
    },
    dump: async () => {},
    destroy: () => {},
  };
  return { status: 200, headers: { 'content-encoding': 'gzip' }, body, url: '' };
}

/** Takes gzip off in one of the places where that is done. */
type Unpack = (packed: Buffer, piece: number, take: Take) => Promise<unknown>;

const ofBody: Unpack = (packed, piece, take) => receiveBody(answer(packed, piece), undefined, take);

const ofFile: Unpack = async (packed, piece, take) => {
  const unpacked = new Unpacked(take, () => {});
  for (let at = 0; at < packed.length; at += piece) await unpacked.push(packed.subarray(at, at + piece));
  await unpacked.end();
};

// Pieces that unpack to a part of the memory that zlib fills, and to several times as much.
test.each([
  ['a body', 1000, ofBody],
  ['a body', 64 * 1024, ofBody],
  ['a file', 1000, ofFile],
  ['a file', 64 * 1024, ofFile],
] as const)(
  'what is unpacked of %s in pieces of %i bytes is freed as soon as it is released',
  async (_, piece, unpack) => {
    const content = lines(4 * MIB);
    const memories = new Set<ArrayBufferLike>();
    const pending: Buffer[] = [];
    const copies: Buffer[] = [];
    let most = 0;
    const size = (): number => [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0);
    await unpack(gzipSync(content), piece, (chunk) => {
      memories.add(chunk.buffer);
      pending.push(chunk);
      most = Math.max(most, size());
      // As a writer does: later, and several at once.
      if (pending.length < 8) return undefined;
      for (const one of pending.splice(0)) {
        copies.push(Buffer.from(one));
        release(one);
      }
      return undefined;
    });
    for (const one of pending) copies.push(Buffer.from(one));
    expect(sha256(Buffer.concat(copies))).toBe(sha256(content));
    expect(memories.size).toBeGreaterThan(20);
    expect(most).toBeLessThan(2 * MIB);
  },
);
