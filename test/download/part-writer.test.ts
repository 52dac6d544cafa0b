import { expect, test } from 'vitest';
import { PartWriter } from '../../src/download/part-writer.ts';
import type { Part } from '../../src/storage/folder.ts';

/** Writes chunks, and says of how many pieces each block was. */
async function piecesOf(chunks: Iterable<Uint8Array>): Promise<{ pieces: number[]; content: string }> {
  const pieces: number[] = [];
  const written: Buffer[] = [];
  const part: Partial<Part> = {
    write: async (block) => {
      pieces.push(block.length);
      written.push(Buffer.concat(block));
    },
  };
  const writer = new PartWriter(part as Part, undefined);
  for (const chunk of chunks) await writer.write(chunk);
  await writer.flush();
  return { pieces: pieces.filter((count) => count > 0), content: Buffer.concat(written).toString() };
}

const text = 'abcdefghij'.repeat(300);
const memory = Buffer.from(text);
const each = (offset: number): Uint8Array => new Uint8Array(memory.buffer, memory.byteOffset + offset, 1);

test('chunks that are neighbours in memory are written as one', async () => {
  const chunks = Array.from({ length: memory.length }, (_, offset) => each(offset));
  expect(await piecesOf(chunks)).toEqual({ pieces: [1], content: text });
});

test('every place at which one can go on is told with its bytes, once', async () => {
  const told: unknown[] = [];
  const part: Partial<Part> = { write: async (_, points = []) => void told.push(points.map(({ bytes }) => bytes)) };
  const writer = new PartWriter(part as Part, undefined);
  const chunk = Buffer.alloc(200_000);
  for (const bytes of [150_000, 150_000, 590_000, 790_000]) await writer.write(chunk, { bytes, state: {} });
  await writer.flush();
  expect(told).toEqual([[150_000, 590_000], [790_000]]);
});

test('of many small chunks only so many are held', async () => {
  const chunks = Array.from({ length: memory.length }, (_, offset) => new Uint8Array(each(offset)));
  expect(await piecesOf(chunks)).toEqual({ pieces: [1024, 1024, 952], content: text });
});
