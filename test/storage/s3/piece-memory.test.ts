import { expect, test } from 'vitest';
import { PieceMemory, storePiece } from '../../../src/storage/s3/piece-memory.ts';

const PIECE = Buffer.from('piece');

test('few pieces of a bucket are stored at once, and one that does not answer holds no other up', async () => {
  const [stuck, other] = [{}, {}];
  const answers: (() => void)[] = [];
  const begun: object[] = [];
  const store = (bucket: object): Promise<{ stored: Promise<void> }> =>
    storePiece(
      bucket,
      () => PIECE,
      () => {
        begun.push(bucket);
        return new Promise((resolve) => answers.push(resolve));
      },
    );
  const first = await Promise.all([1, 2, 3].map(() => store(stuck)));
  const fourth = store(stuck);
  await store(other);
  expect(begun).toEqual([stuck, stuck, stuck, other]);
  answers[0]?.();
  await first[0]?.stored;
  await fourth;
  expect(begun).toHaveLength(5);
});

test('a piece that cannot be stored gives its turn back', async () => {
  const bucket = {};
  const fail = async (): Promise<void> => {
    throw new Error('no');
  };
  for (let piece = 0; piece < 10; piece++) {
    const { stored } = await storePiece(bucket, () => PIECE, fail);
    await expect(stored).rejects.toThrow('no');
  }
});

test('later pieces of a large file are whole at once', () => {
  const memory = new PieceMemory();
  const most = 3 * 1024 * 1024;
  memory.gather(Buffer.alloc(most), most);
  memory.take();
  memory.gather(Buffer.from('x'), most);
  expect(memory.bytes.buffer.byteLength).toBe(most);
  memory.forget();
});

test('a piece that is said to be very large takes memory for what has come', () => {
  const memory = new PieceMemory();
  const chunk = Buffer.alloc(3 * 1024 * 1024, 'x');
  const most = 32 * 1024 * 1024;
  const taken: number[] = [];
  for (let left = most; left > 0; left -= chunk.length) {
    memory.gather(chunk.subarray(0, left), most);
    taken.push(memory.bytes.buffer.byteLength / 1024 / 1024);
  }
  expect(taken).toEqual([8, 8, 16, 16, 16, 32, 32, 32, 32, 32, 32]);
  expect(memory.take().equals(Buffer.alloc(most, 'x'))).toBe(true);
  memory.gather(chunk, most);
  expect(memory.bytes.buffer.byteLength).toBe(most);
  memory.forget();
});

test('what is gathered after a piece was taken begins another one', () => {
  const memory = new PieceMemory();
  memory.gather(Buffer.from('one'), 10);
  const piece = memory.take();
  memory.gather(Buffer.from('other'), 10);
  expect([piece, memory.bytes].map(String)).toEqual(['one', 'other']);
  memory.forget();
  expect(memory.gathered).toBe(0);
});
