import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../../../dev/sample-server/index.ts';
import { get, manifestOf, poll, start } from '../server-under-test.ts';

describe('files', () => {
  test('ranges', async () => {
    const server = await start();
    await manifestOf(server);
    const { url, bytes, path } = server.expectedFiles()[0] ?? { url: '', bytes: 0, path: '' };
    const whole = readFileSync(path);
    const etag = String((await get(url)).headers['etag']);
    const part = await get(url, { range: 'bytes=100-', 'if-range': etag });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 100-${bytes - 1}/${bytes}`]);
    expect(part.bytes.equals(whole.subarray(100))).toBe(true);
    expect((await get(url, { range: 'bytes=-10' })).bytes.equals(whole.subarray(-10))).toBe(true);
    expect((await get(url, { range: 'bytes=5-9' })).bytes.equals(whole.subarray(5, 10))).toBe(true);
    expect((await get(url, { range: 'bytes=5-', 'if-range': '"other"' })).status).toBe(200);
    const beyond = await get(url, { range: `bytes=${bytes}-` });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${bytes}`]);
    const last = server.journal.at(-1);
    expect([last?.route, last?.rangeStart, last?.jobId]).toEqual(['file', bytes, 'job-1']);
  });

  test('gzip carries the same bytes, has an ETag of its own and no ranges', async () => {
    const server = await start();
    await manifestOf(server);
    for (const { url, path } of server.expectedFiles()) {
      const zipped = await get(url, { 'accept-encoding': 'gzip', range: 'bytes=10-' });
      expect([zipped.status, zipped.headers['content-encoding']]).toEqual([200, 'gzip']);
      expect(gunzipSync(zipped.bytes).equals(readFileSync(path))).toBe(true);
      expect(zipped.headers['etag']).toMatch(/-gzip"$/);
    }
    const url = server.expectedFiles()[0]?.url ?? '';
    expect((await get(url, { 'accept-encoding': 'gzip;q=0, identity' })).headers['content-encoding']).toBeUndefined();
  });

  test('another origin, signatures, expiry and throttling', async () => {
    const server = await start({ filesOrigin: 'other', throttleBytesPerSecond: 20_000 });
    const url = (await manifestOf(server, '$export?_type=Patient')).output?.[0]?.url ?? '';
    expect(new URL(url).origin).toBe(server.otherOrigin);
    const begin = Date.now();
    const { bytes } = await get(url);
    expect(Date.now() - begin).toBeGreaterThan((bytes.length / 20_000) * 1000 - 200);
    expect((await get(url.replace('sig=', 'sig=x'))).status).toBe(403);
    expect((await get(url, { authorization: 'Bearer abc' })).status).toBe(400);
    server.expireFileUrls(410);
    expect((await get(url)).status).toBe(410);
    const manifest = JSON.parse((await poll(server.jobs()[0]?.statusUrl ?? '')).text) as Manifest;
    expect(manifest.output?.[0]?.url).not.toBe(url);
    expect((await get(manifest.output?.[0]?.url ?? '')).status).toBe(200);
    expect((await get(url)).status).toBe(410);
  });
});
