import { describe, expect, test } from 'vitest';
import type { Part } from '../../../src/storage/folder.ts';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';

const VERSION = { validator: '"v1"' };

describe.skipIf(!hasS3)('pieces that are objects, and are taken over', () => {
  useFaultyEndpoint();

  /** Leaves three pieces. @returns their keys, and that of their checkpoint */
  async function leave(path: string): Promise<string[]> {
    const part = await open(path).openPart('1');
    await part.checkpoint(VERSION);
    await part.write([Buffer.alloc(3 * PIECE + 1, 'x')]);
    expect(await part.keep()).toBe(3 * PIECE);
    return s3.keys(`${path}/`);
  }

  const takeOver = (path: string, signal?: AbortSignal): Promise<Part> => open(path).openPart('1', undefined, signal);

  /** Refuses so many copies of the second piece. */
  function refuseCopies(times: number): void {
    let left = times;
    proxy.answer = (_, headers) => {
      const from = String(headers['x-amz-copy-source'] ?? '');
      return from.endsWith('000002') && left-- > 0 ? { status: 503 } : undefined;
    };
  }

  test('leave nothing more for each attempt at which that fails', async () => {
    const before = await leave('failing');
    refuseCopies(Infinity);
    for (let attempt = 0; attempt < 2; attempt++) await expect(takeOver('failing')).rejects.toThrow();
    expect(await s3.keys('failing/')).toEqual(before);
    proxy.answer = () => undefined;
    const part = await takeOver('failing');
    expect(part.resumed?.bytes).toBe(3 * PIECE);
    await part.discard();
    expect(await s3.keys('failing/')).toEqual([]);
  });

  test('are copied one by one for longer than the SDK tries: thousands must not begin anew for one of them', async () => {
    await leave('throttled');
    refuseCopies(7);
    const part = await takeOver('throttled');
    expect(part.resumed?.bytes).toBe(3 * PIECE);
    await part.discard();
  });

  test('stay as they are when the one that takes them over is cancelled', async () => {
    const before = await leave('cancelled');
    const cancel = new AbortController();
    const reason = new Error('cancelled');
    proxy.answer = (_, headers) => {
      if (headers['x-amz-copy-source'] === undefined) return undefined;
      cancel.abort(reason);
      return { status: 503 };
    };
    await expect(takeOver('cancelled', cancel.signal)).rejects.toBe(reason);
    proxy.answer = () => undefined;
    expect(await s3.keys('cancelled/')).toEqual(before);
    await open('cancelled').removeParts();
  });
});
