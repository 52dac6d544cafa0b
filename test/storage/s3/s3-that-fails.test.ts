import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AuditTrail } from '../../../src/audit/audit-trail.ts';
import { ExportError } from '../../../src/errors.ts';
import { lookAt } from '../../../src/storage/destinations.ts';
import { tryFolder } from '../../../src/storage/try-folder.ts';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, fill, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';
import { noConditions } from './uploads-under-test.ts';

describe.skipIf(!hasS3)('an S3 endpoint', () => {
  useFaultyEndpoint();

  test('that is away may come back', async () => {
    const error: unknown = await open('x', { endpoint: 'http://127.0.0.1:9' })
      .write('file', 'x')
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ExportError);
  });

  test('that lets workers read nothing may take records, and is no place for exports', async () => {
    const config = s3.destination({ endpoint: proxy.endpoint });
    proxy.answer = (seen) => (seen.startsWith('HEAD') ? { status: 403, code: 'AccessDenied' } : undefined);
    await expect(lookAt(config, 'exports')).rejects.toThrow('no right');
    expect(await lookAt(config, 'records')).toBeUndefined();
    const trail = await AuditTrail.open({ destination: config });
    expect(await trail.hasStart({ name: 'unreadable' })).toBeUndefined();
  });

  test.each(['exports', 'records'] as const)('without the bucket is no place for %s', async (use) => {
    await expect(lookAt(s3.destination({ endpoint: proxy.endpoint, bucket: 'pond' }), use)).rejects.toThrow(
      'no such bucket',
    );
    expect(await lookAt(s3.destination({ endpoint: proxy.endpoint }), use)).toBeUndefined();
  });

  test('that cuts a body is found out', async () => {
    const folder = open('cut');
    await folder.write('file', Buffer.alloc(1_000_000, 'x'));
    proxy.answer = (seen) =>
      seen.startsWith('GET') && !seen.includes('list-type') ? { cutAfter: 300_000 } : undefined;
    await expect(folder.read('file')).rejects.toThrow();
  });

  test('that cuts each long body is asked for the rest', async () => {
    const folder = open('cut-often');
    const content = Buffer.alloc(1_000_000, 'x');
    await folder.write('file', content);
    let left = 2;
    proxy.answer = (seen) => (/^GET .*cut-often\/file/.test(seen) && left-- > 0 ? { cutAfter: 300_000 } : undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of folder.stream('file')) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(left).toBeLessThan(1);
  });

  test('that cuts each body, however often, is asked for the rest as long as something comes', async () => {
    const folder = open('cut-on');
    const content = randomBytes(1_000_000);
    await folder.write('file', content);
    proxy.answer = (seen) => (/^GET .*cut-on\/file/.test(seen) ? { cutAfter: 150_000 } : undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of folder.stream('file')) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
  });

  test('that sends the beginning again when it is asked for the rest: the file is not read from it', async () => {
    const folder = open('from-start');
    await folder.write('file', randomBytes(1_000_000));
    let asked = 0;
    proxy.answer = (seen) => {
      if (!/^GET .*from-start\/file/.test(seen)) return undefined;
      return asked++ === 0 ? { cutAfter: 300_000 } : { headers: { 'content-range': 'bytes 0-999999/1000000' } };
    };
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of folder.stream('file')) bytes += chunk.length;
    };
    await expect(read()).rejects.toThrow('bytes from 0');
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(300_000);
  });

  test('that cuts a body each time is not asked for ever, and no shorter file comes of it', async () => {
    const folder = open('cut-always');
    await folder.write('file', Buffer.alloc(1_000_000, 'x'));
    proxy.answer = (seen) => (/^GET .*cut-always\/file/.test(seen) ? { cutAfter: 0 } : undefined);
    const read = async (): Promise<void> => {
      for await (const _ of folder.stream('file'));
    };
    await expect(read()).rejects.toThrow();
  });

  test('whose object is replaced while it is read: no bytes of both', async () => {
    const folder = open('replaced-while-read');
    await folder.write('file', Buffer.alloc(1_000_000, 'x'));
    proxy.answer = (seen) => (/^GET .*replaced-while-read\/file/.test(seen) ? { cutAfter: 100_000 } : undefined);
    const chunks = folder.stream('file')[Symbol.asyncIterator]();
    await chunks.next();
    await folder.write('file', Buffer.alloc(1_000_000, 'y'));
    proxy.answer = () => undefined;
    const rest = async (): Promise<void> => {
      while ((await chunks.next()).done !== true);
    };
    await expect(rest()).rejects.toThrow();
  });

  test('that sends no more is left at once when the reading is cancelled', async () => {
    const folder = open('stalled');
    await folder.write('file', Buffer.alloc(1_000_000, 'x'));
    const cancel = new AbortController();
    proxy.answer = (seen) => (/^GET .*stalled\/file/.test(seen) ? { stallAfter: 100_000 } : undefined);
    const chunks = folder.stream('file', cancel.signal)[Symbol.asyncIterator]();
    await chunks.next();
    cancel.abort(new Error('cancelled'));
    const rest = async (): Promise<void> => {
      while ((await chunks.next()).done !== true);
    };
    await expect(rest()).rejects.toThrow('cancelled');
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

  test('with another write in the way is asked again only as long as anything may be written', async () => {
    let asked = 0;
    const folder = open('guarded').guardedBy(async () => {
      if (++asked > 1) throw new Error('no more');
    });
    proxy.answer = (seen) =>
      /^PUT .*guarded\/file/.test(seen) ? { status: 409, code: 'ConditionalRequestConflict' } : undefined;
    await expect(folder.create('file', 'x')).rejects.toThrow('no more');
  });

  test.each([
    ['small', (seen: string) => /^PUT .*\/probe\b/.test(seen)],
    ['large', (seen: string) => /^POST .*\/probe\?uploadId=/.test(seen)],
  ])('that does not look at the condition of %s files is found out before an export', async (size, isMade) => {
    const folder = open(`check-${size}`);
    await expect(tryFolder(folder)).resolves.toBeUndefined();
    await folder.remove('');
    const body = '<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>';
    proxy.answer = (seen, headers) =>
      isMade(seen) && headers['if-none-match'] === '*' ? { status: 200, body } : undefined;
    await expect(tryFolder(folder)).rejects.toThrow('it overwrites');
    proxy.answer = noConditions;
    await expect(tryFolder(folder)).resolves.toBeUndefined();
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
    await part.write([Buffer.alloc(3 * PIECE + 1, 'x')]);
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
      await part.write([Buffer.alloc(3 * PIECE + 1, 'x')]);
      await part.finish();
    })();
    await expect(written).rejects.toThrow();
    await part.keep();
    const next = await open('storing').openPart('1');
    expect(next.resumed?.bytes).toBe(PIECE);
    await next.discard();
  });
});
