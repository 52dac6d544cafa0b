import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ExportError } from '../../../src/errors.ts';
import type { Folder } from '../../../src/storage/folder.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { collectGarbage } from '../../support/collect-garbage.ts';
import type { TestS3 } from '../../support/s3.ts';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, fill, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';

describe.skipIf(!hasS3)('an S3 endpoint', () => {
  useFaultyEndpoint();

  test('with a prefix or without one has the keys that one expects', async () => {
    await open('a/b').write('c.json', '1');
    await open('a/b', { prefix: 'x/y' }).write('c.json', '1');
    expect((await s3.keys()).sort()).toEqual(['a/b/c.json', 'x/y/a/b/c.json']);
    expect(open('a/b', { prefix: 'x/y' }).location).toBe('s3://lake/x/y/a/b');
  });

  test('is told the types of files', async () => {
    const folder = open('types');
    const part = await fill(folder, PIECE + 1);
    await part.finish();
    await part.publish('big.ndjson');
    await part.discard();
    const head = await fetchHead(s3, 'types/big.ndjson');
    expect(head).toBe('application/fhir+ndjson');
  });

  test('gets one request for a small file besides the search for earlier parts', async () => {
    const folder = open('requests');
    const part = await fill(folder, 1000);
    await part.checkpoint({ validator: '"v"' });
    await part.finish();
    await part.publish('small');
    await part.discard();
    expect(proxy.seen).toEqual([expect.stringMatching(/^GET .*list-type=2/), expect.stringMatching(/^PUT .*small/)]);
  });

  test('removes a thousand files by one request, behind one look at whose they are', async () => {
    let asked = 0;
    const folder = open('many').guardedBy(async () => void asked++);
    await folder.removeFiles([]);
    await folder.removeFiles(Array.from({ length: 1001 }, (_, file) => `file ${file}`));
    expect(proxy.seen).toEqual([expect.stringMatching(/^POST .*delete/), expect.stringMatching(/^POST .*delete/)]);
    expect(asked).toBe(2);
  });

  describe('with something to mend', () => {
    const failure = async (folder: Folder): Promise<ExportError> => {
      const error: unknown = await folder.write('file', 'x').then(
        () => undefined,
        (error: unknown) => error,
      );
      await expect(folder.list('')).rejects.toThrow();
      return error as ExportError;
    };
    afterEach(() => void vi.unstubAllEnvs());

    test('no such bucket', async () => {
      const error = await failure(open('x', { bucket: 'pond' }));
      expect(error.code).toBe('DestinationFailed');
      expect(error.message).toBe(
        's3://pond: there is no such bucket; create it or correct bucket, region or endpoint (NoSuchBucket, HTTP 404)',
      );
      await expect(open('x', { bucket: 'pond' }).read('file')).rejects.toMatchObject({ code: 'DestinationFailed' });
    });

    test('an unknown key', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'unknown');
      const error = await failure(open('x'));
      expect(error).toMatchObject({ code: 'DestinationFailed', message: expect.stringContaining('credentials') });
    });

    test('a wrong secret', async () => {
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong-secret');
      const error = await failure(open('x'));
      expect(error).toMatchObject({ code: 'DestinationFailed', message: expect.stringContaining('secret key') });
      expect(error.message).not.toMatch(/wrong-secret|Signature=/);
      await expect(open('x').size('file')).rejects.toMatchObject({ code: 'DestinationFailed' });
    });

    test('no credentials', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      for (const file of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(file, '/does/not/exist');
      const error = await failure(open('x'));
      expect(error).toMatchObject({ code: 'DestinationFailed', message: expect.stringContaining('no credentials') });
    });

    test('no region', async () => {
      for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION']) vi.stubEnv(name, undefined);
      for (const file of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(file, '/does/not/exist');
      const error = await failure(openS3({ type: 's3', bucket: 'lake' }, 'x'));
      expect(error).toMatchObject({ code: 'DestinationFailed', message: expect.stringContaining('set region') });
    });
  });

  test('with uploads that killed attempts have left below the export: they are given up, others are not', async () => {
    await multipartUpload(s3, 'left/file');
    await multipartUpload(s3, 'left-of-it/file');
    await open('left').removeParts();
    expect(await s3.uploads()).toEqual(['left-of-it/file']);
    await open('left-of-it').removeParts();
  });

  test.each([
    ['known', 'file'],
    ['not known', undefined],
  ])('holds no more memory for a large file than for a small one: its name is %s', async (_, name) => {
    const folder = open('memory', { endpoint: s3.gateway.endpoint });
    const part = await folder.openPart('1', name);
    const peak = async (bytes: number): Promise<number> => {
      let most = 0;
      for (let written = 0; written < bytes; written += 65_536) {
        // Each chunk of its own, as the network gives them.
        await part.write([Buffer.alloc(65_536, 'x')]);
        if (written % PIECE < 65_536) {
          collectGarbage();
          most = Math.max(most, process.memoryUsage().arrayBuffers);
        }
      }
      return most;
    };
    const few = await peak(6 * PIECE);
    const many = await peak(30 * PIECE);
    await part.discard();
    expect(many).toBeLessThan(few + 4 * PIECE);
  });

  test('holds nothing of a large file that waits for its name', async () => {
    const held = (): number => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = held();
    const one = await fill(open('waits'), 2 * PIECE + 1);
    const other = await open('waits').openPart('2', 'file 2');
    await other.write([Buffer.alloc(2 * PIECE + 1)]);
    await Promise.all([one.finish(), other.finish()]);
    expect(held()).toBeLessThan(before + PIECE);
    expect(await one.publish('file')).toBe(true);
    expect(await other.publish('file 2')).toBe(true);
    await Promise.all([one.discard(), other.discard()]);
  });
});

async function fetchHead(s3: TestS3, key: string): Promise<string | undefined> {
  const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
  return (await s3.client.send(new HeadObjectCommand({ Bucket: 'lake', Key: key }))).ContentType;
}

async function multipartUpload(s3: TestS3, key: string): Promise<void> {
  const { CreateMultipartUploadCommand } = await import('@aws-sdk/client-s3');
  await s3.client.send(new CreateMultipartUploadCommand({ Bucket: 'lake', Key: key }));
}
