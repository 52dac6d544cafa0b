import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Attempted } from '../support/fetch-attempt.ts';
import { attemptFile, publishedAt } from '../support/fetch-attempt.ts';
import type { Handler } from './version-server.ts';
import { asked, breakOff, http, root, serve, useVersionServer } from './version-server.ts';

useVersionServer();

const TEXT = Array.from({ length: 400 }, (_, n) => `{"resourceType":"Patient","id":"${n}-${Math.sin(n)}"}\n`).join('');
const PACKED = gzipSync(TEXT);
const MEMBERS = [TEXT.slice(0, TEXT.indexOf('\n') + 1), TEXT.slice(TEXT.indexOf('\n') + 1)].map((some) =>
  gzipSync(some),
);
const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
const BOMB = gzipSync(`{"resourceType":"Patient","text":"${' '.repeat(1024 * 1024)}"}\n`.repeat(70));
/** With all that makes a plain file resumable. */
const HEADERS = { etag: '"packed"', 'accept-ranges': 'bytes' };

const sends =
  (body: Buffer, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    void response.writeHead(200, { ...HEADERS, 'content-length': body.length, ...headers }).end(body);
/** In chunks that come one after the other. */
function inTime(...chunks: readonly Buffer[]): Handler {
  const send = async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, HEADERS);
    for (const chunk of chunks) {
      response.write(chunk);
      await setTimeout(50);
    }
    response.end();
  };
  return (_, response) => void send(response);
}
const attempt = (url: string, more: Partial<Attempted> = {}) => attemptFile({ http, root, url, ...more });
const stored = () => readFile(publishedAt(root), 'utf8');

describe('a file that is gzip itself is stored unpacked, by its first bytes', () => {
  test.each<[string, Handler]>([
    ['whatever its headers say', sends(PACKED)],
    ['with a content coding that means the same', sends(PACKED, { 'content-encoding': 'gzip' })],
    ['with a content coding around it', sends(gzipSync(PACKED), { 'content-encoding': 'gzip' })],
    ['in several members', sends(Buffer.concat(MEMBERS))],
    ['with padding at its end', sends(Buffer.concat([PACKED, Buffer.alloc(600)]))],
    ['with padding that comes late', inTime(PACKED, Buffer.alloc(300), Buffer.alloc(300))],
    [
      'also if the first byte comes alone',
      (_, response) => {
        response.writeHead(200, { ...HEADERS, 'content-length': PACKED.length });
        response.write(PACKED.subarray(0, 1));
        void setTimeout(50).then(() => response.end(PACKED.subarray(1)));
      },
    ],
    ['with a digest of it in its headers', sends(PACKED, { 'repr-digest': `sha-256=:${base64(PACKED)}:` })],
  ])('%s', async (_, handler) => {
    const outcome = await attempt(await serve(handler));
    expect(outcome).toMatchObject({ bytes: TEXT.length, records: 400, sha256: sha256(TEXT) });
    expect(await stored()).toBe(TEXT);
  });
});

function base64(content: Buffer): string {
  return createHash('sha256').update(content).digest('base64');
}

test('a transfer that broke off begins anew: what is unpacked says nothing of where the packed file goes on', async () => {
  const url = await serve((request, response, number) => {
    if (number > 0) return sends(PACKED)(request, response, number);
    breakOff(response, { ...HEADERS, 'content-length': PACKED.length }, PACKED.subarray(0, PACKED.length / 2));
  });
  expect(await attempt(url)).toMatchObject({ cause: 'outage', reached: 0 });
  expect(await attempt(url)).toMatchObject({ records: 400 });
  expect(asked.map(({ range }) => range)).toEqual([undefined, undefined]);
  expect(await stored()).toBe(TEXT);
});

describe('what is wrong is noticed', () => {
  test.each<[string, Buffer, Record<string, string>, string]>([
    ['a file that is cut', PACKED.subarray(0, -6), {}, 'the gzip stream is broken or cut'],
    ['a file that is broken', Buffer.concat([PACKED.subarray(0, 50), Buffer.alloc(500)]), {}, 'the gzip stream is'],
    ['content that is no NDJSON', gzipSync('<html>'), {}, 'line 1'],
    ['another digest', PACKED, { 'repr-digest': `sha-256=:${base64(Buffer.from(TEXT))}:` }, 'repr-digest'],
    ['more than it can be', BOMB, {}, 'times its size'],
    ['a single byte', PACKED.subarray(0, 1), {}, 'line 1'],
  ])('%s', async (_, body, headers, detail) => {
    const outcome = await attempt(await serve(sends(body, headers)));
    expect(outcome).toMatchObject({ cause: 'content', detail: expect.stringContaining(detail) });
  });
});

describe('what follows on padding is not lost silently', () => {
  const [one, two] = MEMBERS as [Buffer, Buffer];
  const padding = Buffer.alloc(8);
  const pieces = [
    ['at once', [Buffer.concat([one, padding, two])]],
    ['in time', [Buffer.concat([one, padding]), two]],
    ['piece by piece', [one, padding, two]],
  ] as const;
  test.each(pieces)('of a file that is gzip itself, %s', async (_, chunks) => {
    const outcome = await attempt(await serve(inTime(...chunks)));
    expect(outcome).toMatchObject({ cause: 'content', detail: expect.stringMatching(/gzip/) });
  });
  test.each(pieces)('of a content coding, %s', async (_, chunks) => {
    const coded: Handler = (request, response, number) => {
      response.setHeader('content-encoding', 'gzip');
      return inTime(...chunks)(request, response, number);
    };
    const outcome = await attempt(await serve(coded));
    expect(outcome).toMatchObject({ cause: 'content', detail: expect.stringMatching(/gzip/) });
  });
});

describe('length and SHA-256 of the manifest may be meant of the file or of its content', () => {
  test.each([
    ['of the file', { length: PACKED.length, sha256: sha256(PACKED) }],
    ['of the content', { length: TEXT.length, sha256: sha256(TEXT) }],
  ])('%s', async (_, entry) => {
    expect(await attempt(await serve(sends(PACKED)), { entry })).toMatchObject({ bytes: TEXT.length });
  });

  test.each([
    ['length', { length: 7 }, 'has the 7 bytes'],
    ['SHA-256', { sha256: sha256('other') }, 'SHA-256'],
  ])('another %s', async (_, entry, detail) => {
    const outcome = await attempt(await serve(sends(PACKED)), { entry });
    expect(outcome).toMatchObject({ cause: 'content', detail: expect.stringContaining(detail) });
  });
});

test('an attachment that is an archive stays one', async () => {
  const entry = { kind: 'attachment', type: undefined, contentType: 'application/gzip' } as const;
  expect(await attempt(await serve(sends(PACKED)), { entry })).toMatchObject({ sha256: sha256(PACKED) });
});

describe('headers that are wrong in a known way', () => {
  const plain = Buffer.from(TEXT);
  const hash = (algorithm: string, encoding: 'hex' | 'base64') => createHash(algorithm).update(TEXT).digest(encoding);

  test.each<[string, Record<string, string>]>([
    ['a character set as content coding', { 'content-encoding': 'UTF-8' }],
    ['what an upload to an object storage left', { 'content-encoding': 'aws-chunked' }],
    ['a word that is none', { 'content-encoding': 'binary, ' }],
    ['gzip of a proxy that has unpacked it', { 'content-encoding': 'gzip' }],
    ['SHA-256 in hex', { digest: `SHA-256=${hash('sha256', 'hex')}` }],
    ['MD5 in hex', { 'content-md5': hash('md5', 'hex') }],
    ['a digest of another length', { digest: `SHA-256=${hash('md5', 'base64')}` }],
  ])('%s: the file is taken as it is', async (_, headers) => {
    expect(await attempt(await serve(sends(plain, headers)))).toMatchObject({ records: 400, sha256: sha256(TEXT) });
    expect(await stored()).toBe(TEXT);
  });

  test.each<[string, Record<string, string>]>([
    ['SHA-256 in hex', { digest: `SHA-256=${sha256('another file')}` }],
    ['MD5 in base64', { 'content-md5': createHash('md5').update('another file').digest('base64') }],
    ['a coding that nobody asked for', { 'content-encoding': 'br' }],
    ['a coding around what an upload left', { 'content-encoding': 'aws-chunked, br' }],
  ])('%s is still believed', async (_, headers) => {
    expect(await attempt(await serve(sends(plain, headers)))).toMatchObject({ cause: 'content' });
  });

  test('a gzip header on a body whose end nobody proves does not prove it', async () => {
    const url = await serve((_, response) => {
      response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(TEXT);
    });
    expect(await attempt(url)).not.toHaveProperty('records');
  });
});

describe('204', () => {
  const empty: Handler = (_, response) => void response.writeHead(204).end();

  test.each([{ count: 0 }, { fileSize: 0 }])('is an empty file where the manifest says so: %j', async (entry) => {
    expect(await attempt(await serve(empty), { entry })).toMatchObject({ records: 0, bytes: 0 });
    expect(await stored()).toBe('');
  });

  test.each([{}, { count: 1 }, { count: 1, fileSize: 0 }])('is no file where it does not: %j', async (entry) => {
    expect(await attempt(await serve(empty), { entry })).toMatchObject({ cause: 'content' });
  });
});
