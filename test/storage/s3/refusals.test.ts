import { describe, expect, test, vi } from 'vitest';
import { Refusals } from '../../../src/storage/s3/refusals.ts';
import type { Folder } from '../../../src/storage/folder.ts';
import { hasS3 } from '../../support/s3.ts';
import { open, proxy, useFaultyEndpoint } from './faulty-endpoint.ts';

const MINUTE = 60_000;
const answer = (httpStatusCode: number, name = 'InvalidRequest'): Error =>
  Object.assign(new Error('no'), { name, $metadata: { httpStatusCode } });

/** How many of so many refusals, one each minute, pass. */
function passing(kind: string, error: Error, times = 30): number {
  const refusals = new Refusals();
  return Array.from({ length: times }, (_, minute) => refusals.isFinal(kind, error, minute * MINUTE)).indexOf(true);
}

describe('refusals in a row', () => {
  test.each([
    ['PutObjectCommand', answer(400)],
    ['DeleteObjectsCommand', answer(405, 'MethodNotAllowed')],
    ['ListMultipartUploadsCommand', answer(501, 'NotImplemented')],
  ])('are final after ten minutes: %s', (kind, error) => {
    expect(passing(kind, error)).toBe(10);
  });

  test.each([
    ['PutObjectCommand', answer(503, 'SlowDown')],
    ['PutObjectCommand', answer(409, 'OperationAborted')],
    ['PutObjectCommand', answer(412, 'PreconditionFailed')],
    ['PutObjectCommand', answer(429, 'TooManyRequests')],
    ['PutObjectCommand', answer(400, 'RequestTimeout')],
    ['PutObjectCommand', answer(400, 'BadDigest')],
    ['PutObjectCommand', answer(400, 'KMS.ThrottlingException')],
    ['GetObjectCommand', answer(400, 'RequestThrottled')],
    ['GetObjectCommand', answer(404, 'NoSuchKey')],
    ['GetObjectCommand', Object.assign(new Error('reset'), { code: 'ECONNRESET' })],
    // Pieces become objects instead.
    ['UploadPartCommand', answer(400)],
  ])('are not, where it may pass: %s, %s', (kind, error) => {
    expect(passing(kind, error)).toBe(-1);
  });

  test('are counted anew after a long pause, and few of them are not enough', () => {
    const final = (every: number, times: number): boolean[] => {
      const refusals = new Refusals();
      const all = Array.from({ length: times }, (_, at) => at * every * MINUTE);
      return all.map((now) => refusals.isFinal('PutObjectCommand', answer(400), now));
    };
    expect(final(16, 20)).not.toContain(true);
    expect(final(14, 6)).toEqual([false, false, false, false, true, true]);
  });
});

describe.skipIf(!hasS3)('a bucket that wants more of each request', () => {
  useFaultyEndpoint();

  const write = (folder: Folder): Promise<string | undefined> =>
    folder.write('file', 'x').then(
      () => undefined,
      (error: Error & { code?: string }) => error.code ?? error.name,
    );

  test('ends what is tried again and again, unless it obeys in between', async () => {
    const folder = open('refused');
    const now = vi.spyOn(performance, 'now');
    let minutes = 0;
    const later = (): void => void now.mockReturnValue(++minutes * 3 * MINUTE);
    proxy.answer = (seen) => (seen.startsWith('PUT') ? { status: 400, code: 'InvalidRequest' } : undefined);
    const outcomes: (string | undefined)[] = [];
    for (let attempt = 0; attempt < 4; attempt++, later()) outcomes.push(await write(folder));
    proxy.answer = () => undefined;
    outcomes.push(await write(folder));
    proxy.answer = (seen) => (seen.startsWith('PUT') ? { status: 400, code: 'InvalidRequest' } : undefined);
    for (let attempt = 0; attempt < 5; attempt++, later()) outcomes.push(await write(folder));
    now.mockRestore();
    const refused = Array.from({ length: 4 }, () => 'InvalidRequest');
    expect(outcomes).toEqual([...refused, undefined, ...refused, 'DestinationFailed']);
  });
});
