import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { GetObjectTaggingCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { S3Config } from '../../../src/storage/s3/s3-schema.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';
import { VERSION, isPiece, killed, openFile, publish, write } from './uploads-under-test.ts';

const KMS: Partial<S3Config> = {
  sse: 'aws:kms',
  kmsKeyId: 'alias/lake',
  bucketKeyEnabled: true,
  tags: { project: 'rare diseases', 'cost:center': '47+11' },
  storageClass: 'STANDARD_IA',
};
const MADE = {
  'x-amz-server-side-encryption': 'aws:kms',
  'x-amz-server-side-encryption-aws-kms-key-id': 'alias/lake',
  'x-amz-server-side-encryption-bucket-key-enabled': 'true',
  'x-amz-tagging': 'project=rare%20diseases&cost%3Acenter=47%2B11',
};
/** Requests that make an object, or begin one. */
const makes = (seen: string): boolean =>
  (seen.startsWith('PUT') && !seen.includes('partNumber')) || /^POST .*[?&]uploads/.test(seen);
const COPIED = '<CopyResult><ETag>"x"</ETag></CopyResult>';
const ENDED = '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>';
const isWork = (seen: string): boolean => seen.includes('/.export/');

interface Recorded {
  seen: string;
  headers: IncomingHttpHeaders;
}

/** The requests from now on; the answers confirm that what was asked for is encrypted. */
function record(sse?: string): Recorded[] {
  const requests: Recorded[] = [];
  proxy.answer = (seen, headers) => {
    requests.push({ seen, headers });
    // The gateway does not know the owner of a source.
    if (headers['x-amz-source-expected-bucket-owner'] !== undefined) return { status: 200, body: COPIED };
    if (sse === undefined && /^POST .*named-later.*uploadId/.test(seen)) return { status: 200, body: ENDED };
    return sse !== undefined && makes(seen) ? { headers: { 'x-amz-server-side-encryption': sse } } : undefined;
  };
  return requests;
}

/** All that an export does with a bucket. */
async function useAll(path: string, config: Partial<S3Config>): Promise<void> {
  const folder = open(path, config);
  await folder.write('.export/export.json', '1');
  await folder.create('small.ndjson', '2');
  await folder.read('small.ndjson');
  const part = await openFile(path, folder);
  await write(part, 3);
  await part.keep();
  expect(await publish(await openFile(path, open(path, config)), 1)).toBe(true);
  const pieces = await folder.openPart('2');
  await pieces.write([Buffer.alloc(PIECE + 1, 'x')]);
  await pieces.checkpoint(VERSION);
  await pieces.keep();
  const copied = await open(path, config).openPart('2');
  await copied.write([Buffer.alloc(PIECE, 'x')]);
  await copied.finish();
  expect(await copied.publish('named-later')).toBe(true);
  await copied.discard();
  await folder.list('');
  for await (const _ of folder.stream('file'));
  await folder.removeParts();
}

describe.skipIf(!hasS3)('a bucket', () => {
  useFaultyEndpoint();
  afterEach(() => void vi.unstubAllEnvs());

  test('whose objects are encrypted, tagged and stored as configured, each of them', async () => {
    const requests = record('aws:kms');
    await useAll('kms', KMS);
    const made = requests.filter(({ seen }) => makes(seen));
    for (const { headers } of made) expect(headers).toMatchObject(MADE);
    for (const { seen, headers } of made) {
      expect([seen, headers['x-amz-storage-class']]).toEqual([seen, isWork(seen) ? undefined : 'STANDARD_IA']);
    }
    // Documents, pieces and copies of them; and files in one request, and as uploads of both kinds.
    expect(made.filter(({ seen }) => isWork(seen)).length).toBeGreaterThan(5);
    expect(made.filter(({ seen }) => !isWork(seen))).toHaveLength(3);
    const copies = made.filter(({ headers }) => headers['x-amz-copy-source'] !== undefined);
    expect(copies.map(({ headers }) => headers['x-amz-tagging-directive'])).toEqual(['REPLACE']);
    for (const { seen, headers } of requests) {
      expect([seen, headers['x-amz-expected-bucket-owner']]).toEqual([seen, undefined]);
      if (!makes(seen)) expect(Object.keys(headers).join(' ')).not.toMatch(/encryption|tagging|storage-class/);
    }
    const tags = await s3.client.send(new GetObjectTaggingCommand({ Bucket: 'lake', Key: 'kms/file' }));
    expect(tags.TagSet).toContainEqual({ Key: 'project', Value: 'rare diseases' });
  });

  test('whose owner is expected: each request says whom', async () => {
    const requests = record();
    const owner = s3.gateway.accessKeyId;
    await useAll('owner', { expectedBucketOwner: owner });
    for (const { seen, headers } of requests) {
      expect([seen, headers['x-amz-expected-bucket-owner']]).toEqual([seen, owner]);
    }
    const copies = requests.filter(({ headers }) => headers['x-amz-copy-source'] !== undefined);
    expect(copies).toHaveLength(3);
    for (const { headers } of copies) expect(headers['x-amz-source-expected-bucket-owner']).toBe(owner);
  });

  test('of which an upload was begun with other tags: it is not gone on with', async () => {
    await (await killed('tagged', 2)).keep();
    const heir = await openFile('tagged', open('tagged', { tags: { project: 'b' } }));
    expect(heir.resumed).toBeUndefined();
    expect(await s3.uploads()).toEqual([]);
    expect(await publish(heir, 2)).toBe(true);
  });

  test('of another owner is neither written to nor read', async () => {
    const folder = open('stranger', { expectedBucketOwner: '111122223333' });
    await expect(folder.write('file', 'x')).rejects.toMatchObject({ code: 'DestinationFailed' });
    await expect(folder.size('file')).rejects.toThrow('expectedBucketOwner');
    expect(await open('stranger').size('file')).toBeUndefined();
  });

  test.each(['aws:kms', 'AES256'] as const)('that ignores sse is not taken for one that encrypts: %s', async (sse) => {
    const folder = open('ignores', { sse });
    const error = `s3://lake: the storage has not said that it encrypts with ${sse}; correct sse`;
    await expect(folder.write('file', 'x')).rejects.toMatchObject({
      code: 'DestinationFailed',
      message: expect.stringContaining(error),
    });
    const part = await openFile('ignores', folder);
    await expect(write(part, 3)).rejects.toThrow(error);
    await part.discard();
  });

  test('that knows none of it ends the run, also where it does not know conditions', async () => {
    proxy.answer = (_, headers) =>
      headers['x-amz-tagging'] === undefined && headers['if-none-match'] === undefined
        ? undefined
        : { status: 501, code: 'NotImplemented' };
    const folder = open('knows-none', { tags: { a: 'b' } });
    for (const write of [folder.write('file', 'x'), folder.create('file', 'x')]) {
      await expect(write).rejects.toMatchObject({ code: 'DestinationFailed' });
    }
  });

  test.each([
    ['another storage', false],
    ['S3 itself', true],
  ])('that is sent checksums of each piece, which the signature is of, too: %s', async (_, isOwn) => {
    if (isOwn) vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    const path = `sums-${isOwn}`;
    const config = isOwn
      ? { type: 's3' as const, bucket: 'lake', forcePathStyle: true }
      : s3.destination({ endpoint: proxy.endpoint });
    const place = () => openS3({ ...config }, path, { pieceBytes: PIECE, maxPieces: 100 });
    const sums: (string | undefined)[] = [];
    proxy.answer = (seen, headers) => {
      if (isPiece(seen)) {
        const sum = Buffer.from(String(headers['x-amz-checksum-sha256']), 'base64').toString('hex');
        sums.push(sum === headers['x-amz-content-sha256'] ? sum : undefined);
      }
      return undefined;
    };
    const part = await openFile(path, place());
    await write(part, 3);
    await part.keep();
    expect(await publish(await openFile(path, place()), 2)).toBe(true);
    const sum = createHash('sha256').update(Buffer.alloc(PIECE, 'x')).digest('hex');
    expect(sums).toEqual([sum, sum, sum, sum]);
    const head = await s3.client.send(
      new HeadObjectCommand({ Bucket: 'lake', Key: `${path}/file`, ChecksumMode: 'ENABLED' }),
    );
    expect(head).toMatchObject({ ContentLength: 4 * PIECE, ChecksumSHA256: expect.stringContaining('-4') });
  });

  test('that knows no checksums has whole files all the same', async () => {
    const refused: string[] = [];
    proxy.answer = (seen, headers) => {
      if (!Object.keys(headers).some((name) => name.startsWith('x-amz-checksum-'))) return undefined;
      // Of removals the SDK makes one.
      if (/^POST .*delete/.test(seen)) return undefined;
      refused.push(seen);
      return { status: 400, code: 'InvalidArgument' };
    };
    const folder = open('no-sums');
    await folder.create('small', 'x');
    expect(await publish(await openFile('no-sums', folder), 3)).toBe(true);
    expect(await folder.size('file')).toBe(3 * PIECE);
    expect(refused).toHaveLength(2);
  });
});
