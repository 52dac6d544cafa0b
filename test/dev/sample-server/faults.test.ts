import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { operationOutcome, type Fault, type Manifest } from '../../../dev/sample-server/index.ts';
import { get, kickOff, manifestOf, poll, start } from './server-under-test.ts';

describe('faults', () => {
  /** What a client makes of a file request with a fault: length of the body, or the message of an error. */
  async function download(fault: Fault, headers: Record<string, string> = {}) {
    const server = await start();
    await manifestOf(server, '$export?_type=Patient');
    server.faults.add({ route: 'file', do: fault });
    const file = server.expectedFiles()[0];
    const url = file?.url ?? '';
    const answer = await get(url, headers).catch((error: Error) => error);
    const again = await get(url);
    expect(again.bytes.length, 'only the first request is hit').toBe(file?.bytes);
    return { answer, entry: server.journal.at(-2), size: file?.bytes ?? 0 };
  }

  test.each<[fault: Fault, bytesSent: number]>([
    [{ kind: 'breakBody', afterBytes: 1000 }, 1000],
    [{ kind: 'breakBody', afterBytes: 1000, contentLength: false }, 1000],
    [{ kind: 'breakBody', afterBytes: 0 }, 0],
    [{ kind: 'drop' }, 0],
  ])('%o is seen by the client', async (fault, bytesSent) => {
    const { answer, entry } = await download(fault);
    expect(answer).toBeInstanceOf(Error);
    expect(entry).toMatchObject({ finished: false, bytesSent });
  });

  test.each(['chunked', 'contentLength', 'close'] as const)('a cut that HTTP does not show: %s', async (how) => {
    const { answer, entry } = await download({ kind: 'truncate', afterBytes: 1000, how });
    expect(answer).toMatchObject({ status: 200, bytes: expect.objectContaining({ length: 1000 }) });
    expect(entry?.finished).toBe(true);
  });

  test('gzip can be damaged, cut, and have several members', async () => {
    const gzip = { 'accept-encoding': 'gzip' };
    for (const fault of [{ kind: 'corruptGzip' }, { kind: 'cutGzip' }] as const) {
      const { answer } = await download(fault, gzip);
      expect(answer).toHaveProperty('status', 200);
      expect(() => gunzipSync((answer as { bytes: Buffer }).bytes)).toThrow();
    }
    const { answer, size } = await download({ kind: 'gzipMembers' }, gzip);
    expect(gunzipSync((answer as { bytes: Buffer }).bytes)).toHaveLength(size);
  });

  test('a file can have other contents', async () => {
    const transform = (body: Buffer) => body.toString().replaceAll('\n', '\r\n');
    const { answer, size } = await download({ kind: 'transformFile', transform });
    expect((answer as { bytes: Buffer }).bytes).toHaveLength(size + 20);
  });

  test('hang and stall keep the client waiting', async () => {
    const server = await start();
    await manifestOf(server, '$export?_type=Patient');
    server.faults.add({ route: 'file', do: { kind: 'hang' } });
    server.faults.add({ route: 'file', skip: 1, do: { kind: 'stall', afterBytes: 500 } });
    const url = server.expectedFiles()[0]?.url ?? '';
    for (const bytesSent of [0, 500]) {
      await expect(request(url, { signal: AbortSignal.timeout(150) }).then((r) => r.body.text())).rejects.toThrow();
      expect(server.journal.at(-1)).toMatchObject({ bytesSent, finished: false });
    }
  });

  test('a kick-off can lose its answer before and after its effect', async () => {
    const server = await start();
    server.faults.add({ route: 'kickOff', do: { kind: 'drop' } });
    await expect(kickOff(server, '$export')).rejects.toThrow();
    expect(server.jobs()).toHaveLength(0);
    server.faults.add({ route: 'kickOff', do: { kind: 'dropAfterEffect' } });
    await expect(kickOff(server, '$export')).rejects.toThrow();
    expect(server.jobs()).toHaveLength(1);
    expect(server.journal.map((entry) => entry.jobId)).toEqual([undefined, 'job-1']);
  });

  test('answers, delays and headers; skip and times; match', async () => {
    const server = await start();
    const body = operationOutcome({ severity: 'error', code: 'transient', text: 'Later' });
    const headers = { 'Retry-After': 'Fri, 31 Dec 1999 23:59:59 GMT' };
    server.faults.add({ route: 'status', skip: 1, times: 2, do: { kind: 'answer', status: 503, headers, body } });
    server.faults.add({ route: 'kickOff', do: { kind: 'delay', ms: 120 } });
    const relative = (old: string) => new URL(old).pathname + new URL(old).search;
    server.faults.add({ route: 'kickOff', do: { kind: 'headers', set: { 'Content-Location': relative } } });
    server.faults.add({
      match: (entry) => entry.url.endsWith('/metadata'),
      times: Infinity,
      do: { kind: 'answer', status: 500 },
    });
    const begin = Date.now();
    const location = String((await kickOff(server, '$export')).headers['content-location']);
    expect(Date.now() - begin).toBeGreaterThan(110);
    expect(location).toMatch(/^\/fhir\/export-status\?/);
    const polls = [];
    for (let number = 0; number < 4; number += 1) polls.push(await poll(new URL(location, server.baseUrl).href));
    expect(polls.map((answer) => answer.status)).toEqual([200, 503, 503, 200]);
    expect([polls[1]?.text, polls[1]?.headers['retry-after']]).toEqual([body, headers['Retry-After']]);
    for (let number = 0; number < 2; number += 1) expect((await get(`${server.baseUrl}/metadata`)).status).toBe(500);
    server.faults.clear();
    expect((await get(`${server.baseUrl}/metadata`)).status).toBe(200);
  });

  test('manifests can be changed, and expired file URLs renewed', async () => {
    const server = await start();
    server.faults.add({ route: 'status', do: { kind: 'wrongCount', by: 5 } });
    expect((await manifestOf(server)).output?.[0]?.count).toBe(25);
    const withoutOutput = ({ output: _output, ...rest }: Manifest) => rest;
    server.faults.add({ route: 'status', do: { kind: 'transformManifest', transform: withoutOutput } });
    expect(await manifestOf(server)).not.toHaveProperty('output');
    server.faults.add({ route: 'file', do: { kind: 'expireFileUrls', status: 403 } });
    const url = (await manifestOf(server)).output?.[0]?.url ?? '';
    expect([(await get(url)).status, (await get(url)).status]).toEqual([403, 403]);
    const renewed = JSON.parse((await poll(server.jobs().at(-1)?.statusUrl ?? '')).text) as Manifest;
    expect((await get(renewed.output?.[0]?.url ?? '')).status).toBe(200);
  });

  test('a job can fail in both status modes', async () => {
    const server = await start();
    for (const [prefer, status, exportStatus] of [
      ['respond-async', 500, undefined],
      ['respond-async, separate-export-status', 200, '500 Internal Server Error'],
    ] as const) {
      server.faults.add({ route: 'status', do: { kind: 'failJob' } });
      const url = String((await kickOff(server, '$export', { headers: { prefer } })).headers['content-location']);
      for (const answer of [await poll(url), await poll(url)]) {
        expect([answer.status, answer.headers['x-export-status']]).toEqual([status, exportStatus]);
        expect(answer.text).toContain('"code":"processing"');
      }
      expect(server.jobs().at(-1)?.state).toBe('failed');
    }
  });

  test.each(['same', 'other'] as const)('redirect to the %s origin', async (to) => {
    const server = await start({ requiresAccessToken: true });
    await manifestOf(server, '$export?_type=Patient');
    server.faults.add({ route: 'file', times: Infinity, do: { kind: 'redirect', to } });
    const redirect = await get(server.expectedFiles()[0]?.url ?? '', { authorization: 'Bearer abc' });
    expect(redirect.status).toBe(307);
    const target = String(redirect.headers['location']);
    expect(new URL(target).origin === new URL(server.baseUrl).origin).toBe(to === 'same');
    expect((await get(target)).status).toBe(200);
    // Like an object store, the other origin refuses what has a token besides its signature.
    expect((await get(target, { authorization: 'Bearer abc' })).status).toBe(to === 'same' ? 200 : 400);
    expect(server.journal.at(-1)).toMatchObject({ redirected: true, origin: to });
  });
});
