import { once } from 'node:events';
import { CreateBucketCommand, GetObjectTaggingCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findOnPath } from '../../../src/programs/cache.ts';
import { killGroup, spawnOwned } from '../../../src/programs/child.ts';
import type { Folder } from '../../../src/storage/folder.ts';
import type { S3Config } from '../../../src/storage/s3/s3-schema.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { freePorts, isListening } from '../../../src/temporal-server/ports.ts';
import { PIECE } from './faulty-endpoint.ts';
import { publish, write } from './uploads-under-test.ts';

/** The program, if there is one; another implementation of S3 than that of the other tests, which knows encryption. */
const moto = process.env['MOTO_SERVER'] ?? onPath('moto_server');

describe.skipIf(moto === undefined)('moto as the storage', () => {
  let server: ChildProcess;
  let client: S3Client;
  let endpoint: string;

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    endpoint = `http://127.0.0.1:${port}`;
    server = spawnOwned(moto as string, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'any');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'any');
    client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    await vi.waitFor(async () => expect(await isListening(port)).toBe(true), { timeout: 60_000 });
    await client.send(new CreateBucketCommand({ Bucket: 'lake' }));
  }, 90_000);
  afterAll(async () => {
    client.destroy();
    const exited = once(server, 'exit');
    killGroup(server, 'SIGKILL');
    await exited;
    vi.unstubAllEnvs();
  });

  const open = (path: string, more: Partial<S3Config>): Folder =>
    openS3({ type: 's3', bucket: 'lake', endpoint, ...more }, path, { pieceBytes: PIECE, maxPieces: 100 });

  test.each<[string, Partial<S3Config>, object]>([
    ['AES256', { sse: 'AES256' }, { ServerSideEncryption: 'AES256' }],
    [
      'aws:kms',
      { sse: 'aws:kms', kmsKeyId: 'alias/lake', bucketKeyEnabled: true },
      // It forgets of uploads that they are to use a key of the bucket.
      { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/lake' },
    ],
  ])('has documents, small and large files as configured, and goes on with uploads: %s', async (sse, config, made) => {
    const path = sse.replace(':', '-');
    const more = { ...config, tags: { project: 'rare diseases' }, storageClass: 'STANDARD_IA' };
    await open(path, more).write('.export/export.json', '1');
    expect(await open(path, more).create('small', '2')).toBe(true);
    const part = await open(path, more).openPart('1', 'file');
    await write(part, 3);
    await part.keep();
    const heir = await open(path, more).openPart('1', 'file');
    expect(heir.resumed?.bytes).toBe(2 * PIECE);
    expect(await publish(heir, 2)).toBe(true);
    for (const [name, storageClass] of [
      ['small', 'STANDARD_IA'],
      ['file', 'STANDARD_IA'],
      ['.export/export.json', undefined],
    ]) {
      const object = { Bucket: 'lake', Key: `${path}/${name}` };
      const head = await client.send(new HeadObjectCommand(object));
      expect(head).toMatchObject(made);
      expect(head.StorageClass).toBe(storageClass);
      const { TagSet } = await client.send(new GetObjectTaggingCommand(object));
      expect(TagSet).toEqual([{ Key: 'project', Value: 'rare diseases' }]);
    }
    expect(await open(path, more).size('file')).toBe(4 * PIECE);
    await open(path, more).removeParts();
  });
});

function onPath(name: string): string | undefined {
  try {
    return findOnPath(name, process.env);
  } catch {
    return undefined;
  }
}
