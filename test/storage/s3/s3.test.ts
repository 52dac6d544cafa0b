import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { S3DestinationConfig } from '../../../src/config.ts';
import { ExportError } from '../../../src/errors.ts';
import type { Folder } from '../../../src/storage/folder.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { toS3Error } from '../../../src/storage/s3/s3-error.ts';
import type { TestS3 } from '../../support/s3.ts';
import { hasS3, startS3 } from '../../support/s3.ts';

const PIECE = 5 * 1024 * 1024;
const RULES = { pieceBytes: PIECE, maxPieces: 100 };

/** What the SDK would throw. */
function answer(name: string, httpStatusCode?: number, message = 'words of the server'): Error {
  return Object.assign(new Error(message), { name, ...(httpStatusCode ? { $metadata: { httpStatusCode } } : {}) });
}

describe('an answer of S3', () => {
  test.each([
    ['NoSuchBucket', 404, 'create it'],
    ['AccessDenied', 403, 's3:PutObject'],
    ['Forbidden', 403, 'no right'],
    ['401', 401, 'no right'],
    ['InvalidAccessKeyId', 403, 'credentials'],
    ['SignatureDoesNotMatch', 403, 'secret key'],
    ['ExpiredToken', 400, 'session has expired'],
    ['RequestTimeTooSkewed', 403, 'clock'],
    ['CredentialsProviderError', undefined, 'AWS_ACCESS_KEY_ID'],
    ['PermanentRedirect', 301, 'region'],
    ['301', 301, 'region'],
    ['AuthorizationHeaderMalformed', 400, 'another region'],
    ['KMS.DisabledException', 400, 'KMS'],
    ['QuotaExceeded', 403, 'quota'],
  ])('that a person has to mend is DestinationFailed with the fix: %s', (name, status, fix) => {
    const error = toS3Error(answer(name, status), 'lake') as ExportError;
    expect(error).toBeInstanceOf(ExportError);
    expect(error.code).toBe('DestinationFailed');
    expect(error.message).toContain('s3://lake: ');
    expect(error.message).toContain(fix);
    expect(error.message).toContain(name);
    expect(error.message).not.toContain('words of the server');
  });

  test('without a region is too', () => {
    const error = toS3Error(answer('Error', undefined, 'Region is missing'), 'lake');
    expect(error).toMatchObject({ code: 'DestinationFailed', message: expect.stringContaining('set region') });
  });

  test.each([
    ['SlowDown', 503],
    ['InternalError', 500],
    ['NoSuchKey', 404],
    ['RequestTimeout', 400],
    ['TimeoutError', undefined],
  ])('that may pass is thrown as it is, for Temporal to try again: %s', (name, status) => {
    const error = answer(name, status);
    expect(toS3Error(error, 'lake')).toBe(error);
  });
});

describe.skipIf(!hasS3)('an S3 endpoint', () => {
  let s3: TestS3;
  let proxy: Proxy;

  beforeAll(async () => {
    s3 = await startS3();
    proxy = await startProxy(s3.gateway.endpoint);
  });
  afterAll(async () => {
    await proxy.close();
    await s3.stop();
  });
  beforeEach(() => {
    proxy.seen.length = 0;
    proxy.answer = () => undefined;
  });

  const open = (path: string, more: Partial<S3DestinationConfig> = {}): Folder =>
    openS3(s3.destination({ endpoint: proxy.endpoint, ...more }), path, RULES);
  const fill = async (folder: Folder, bytes: number) => {
    const part = await folder.openPart('1');
    await part.write(Buffer.alloc(bytes, 'x'));
    return part;
  };

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

  test('that is away may come back', async () => {
    const error: unknown = await open('x', { endpoint: 'http://127.0.0.1:9' })
      .write('file', 'x')
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ExportError);
  });

  test('that cuts a body is found out', async () => {
    const folder = open('cut');
    await folder.write('file', Buffer.alloc(1_000_000, 'x'));
    proxy.answer = (seen) =>
      seen.startsWith('GET') && !seen.includes('list-type') ? { cutAfter: 300_000 } : undefined;
    await expect(folder.read('file')).rejects.toThrow();
  });

  test('that fails for a moment is asked again', async () => {
    let left = 2;
    proxy.answer = () => (left-- > 0 ? { status: 503 } : undefined);
    await open('again').write('file', 'x');
    expect(proxy.seen).toHaveLength(3);
  });

  test.each([
    ['a small file', 100],
    ['a file of several pieces', 2 * PIECE + 1],
  ])('without conditional writes: looked first, %s', async (_, bytes) => {
    const folder = open(`unconditional-${bytes}`);
    proxy.answer = (_, headers) =>
      headers['if-none-match'] === undefined ? undefined : { status: 501, code: 'NotImplemented' };
    const part = await fill(folder, bytes);
    await part.finish();
    expect(await part.publish('file')).toBe(true);
    expect(await part.publish('file')).toBe(false);
    await part.discard();
    expect(await folder.size('file')).toBe(bytes);
    expect(await s3.uploads()).toEqual([]);
  });

  test.each([
    ['a small file', 100],
    ['a file of several pieces', 2 * PIECE + 1],
  ])('with another write in the way is asked again: %s', async (_, bytes) => {
    const folder = open(`conflict-${bytes}`);
    let left = 2;
    proxy.answer = (_, headers) =>
      headers['if-none-match'] !== undefined && left-- > 0
        ? { status: 409, code: 'ConditionalRequestConflict' }
        : undefined;
    const part = await fill(folder, bytes);
    await part.finish();
    expect(await part.publish('file')).toBe(true);
    await part.discard();
    expect(await folder.size('file')).toBe(bytes);
    expect(await s3.uploads()).toEqual([]);
  });

  test('whose answer to the end of an upload got lost: the file is there, once', async () => {
    const folder = open('lost');
    // What a second request gets when the first one was obeyed.
    proxy.answer = (seen) =>
      /^POST .*uploadId=/.test(seen) ? { status: 404, code: 'NoSuchUpload', after: true } : undefined;
    const part = await fill(folder, 2 * PIECE + 1);
    await part.finish();
    // The caller finds the file, and takes it as that of another attempt.
    expect(await part.publish('file')).toBe(false);
    await part.discard();
    expect(await folder.size('file')).toBe(2 * PIECE + 1);
    expect(await s3.keys('lost/')).toEqual(['lost/file']);
    expect(await s3.uploads()).toEqual([]);
  });

  test('that fails while pieces are joined: the upload is given up, the pieces stay for the next attempt', async () => {
    const folder = open('joining');
    const part = await folder.openPart('1');
    await part.checkpoint({ validator: '"v"' });
    await part.write(Buffer.alloc(3 * PIECE + 1, 'x'));
    await part.finish();
    proxy.answer = (seen) => (/^PUT .*partNumber=2/.test(seen) ? { status: 500 } : undefined);
    await expect(part.publish('file')).rejects.toThrow();
    expect(await s3.uploads()).toEqual([]);
    await part.keep();
    proxy.answer = () => undefined;
    const next = await open('joining').openPart('1');
    expect(next.resumed?.bytes).toBe(3 * PIECE);
    await next.discard();
    expect(await s3.keys('joining/')).toEqual([]);
  });

  test('that fails to store a piece fails the part, and what was stored stays', async () => {
    const folder = open('storing');
    const part = await folder.openPart('1');
    await part.checkpoint({ validator: '"v"' });
    proxy.answer = (seen) => (/^PUT .*000002/.test(seen) ? { status: 500 } : undefined);
    const written = (async () => {
      await part.write(Buffer.alloc(3 * PIECE + 1, 'x'));
      await part.finish();
    })();
    await expect(written).rejects.toThrow();
    await part.keep();
    const next = await open('storing').openPart('1');
    expect(next.resumed?.bytes).toBe(PIECE);
    await next.discard();
  });

  test('with uploads that killed attempts have left below the export: they are given up, others are not', async () => {
    await multipartUpload(s3, 'left/file');
    await multipartUpload(s3, 'left-of-it/file');
    await open('left').removeParts();
    expect(await s3.uploads()).toEqual(['left-of-it/file']);
    await open('left-of-it').removeParts();
  });

  test('holds no more memory for a large file than for a small one', async () => {
    const folder = open('memory', { endpoint: s3.gateway.endpoint });
    const part = await folder.openPart('1');
    const peak = async (bytes: number): Promise<number> => {
      let most = 0;
      for (let written = 0; written < bytes; written += 65_536) {
        // Each chunk of its own, as the network gives them.
        await part.write(Buffer.alloc(65_536, 'x'));
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
});

async function fetchHead(s3: TestS3, key: string): Promise<string | undefined> {
  const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
  return (await s3.client.send(new HeadObjectCommand({ Bucket: 'lake', Key: key }))).ContentType;
}

async function multipartUpload(s3: TestS3, key: string): Promise<void> {
  const { CreateMultipartUploadCommand } = await import('@aws-sdk/client-s3');
  await s3.client.send(new CreateMultipartUploadCommand({ Bucket: 'lake', Key: key }));
}

/** So that what is counted is held, and not only not yet collected. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

interface Fault {
  status?: number;
  code?: string;
  /** The endpoint did what it was asked for. */
  after?: boolean;
  /** Bytes of the body after which the connection is closed. */
  cutAfter?: number;
}

/** Stands between the SDK and the gateway, which keeps the signatures valid, and answers in its place. */
interface Proxy {
  endpoint: string;
  /** Method and path of each request. */
  seen: string[];
  answer(seen: string, headers: IncomingMessage['headers']): Fault | undefined;
  close(): Promise<void>;
}

async function startProxy(target: string): Promise<Proxy> {
  const server = createServer((incoming, outgoing) => {
    const seen = `${incoming.method} ${incoming.url}`;
    proxy.seen.push(seen);
    const fault = proxy.answer(seen, incoming.headers);
    if (fault?.status !== undefined && fault.after !== true) {
      incoming.resume().on('end', () => refuse(outgoing, fault));
      return;
    }
    const forwarded = request(
      new URL(incoming.url ?? '', target),
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        if (fault?.status !== undefined) {
          answer.resume().on('end', () => refuse(outgoing, fault));
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        if (fault?.cutAfter === undefined) {
          answer.pipe(outgoing);
          return;
        }
        let left = fault.cutAfter;
        answer.on('data', (chunk: Buffer) => {
          outgoing.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) outgoing.destroy();
        });
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: Proxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    answer: () => undefined,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

function refuse(outgoing: ServerResponse, { status = 500, code = 'InternalError' }: Fault): void {
  outgoing.writeHead(status, { 'content-type': 'application/xml' });
  outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
}
