/** Client rules that `docs/conformance.md` lists and that no other test happens to prove. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Fault, Manifest, SampleServer, SampleServerOptions } from '../dev/sample-server/index.ts';
import { operationOutcome } from '../dev/sample-server/index.ts';
import { fetchFile } from '../src/activities/download/fetch-file.ts';
import { HttpClient } from '../src/http/http-client.ts';
import type { HttpRequest, RequestRules } from '../src/http/http-client.ts';
import type { Part } from '../src/storage/export-folder.ts';
import { expectExactFiles } from './support/exported-files.ts';
import { SHORT_LIMITS } from './support/short-limits.ts';
import type { Stack } from './support/stack.ts';
import { startStack } from './support/stack.ts';

const NO_RULES: RequestRules = { trustedHeaders: {}, trustedOrigins: new Set() };

describe('the wire', () => {
  const http = new HttpClient({ headers: 2000, body: 2000 });
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });
  afterAll(() => http.close());

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  function get(url: string, rules = NO_RULES): ReturnType<HttpClient['send']> {
    return http.send({ method: 'GET', url, headers: {} } satisfies HttpRequest, rules);
  }

  test('names of headers are read in any case', async () => {
    const sent = { 'content-LOCATION': '0', 'RETRY-AFTER': '1', 'x-export-STATUS': '2', 'Preference-applied': '3' };
    const port = await listen(createServer((_, response) => response.writeHead(202, sent).end()));
    const { headers, body } = await get(`http://127.0.0.1:${port}/`);
    await body.dump();
    expect(headers).toMatchObject({
      'content-location': '0',
      'retry-after': '1',
      'x-export-status': '2',
      'preference-applied': '3',
    });
  });

  test('a certificate that nobody vouches for ends the connection, and nothing is sent', async () => {
    let requests = 0;
    const port = await listen(createSecureServer(selfSigned(), (_, response) => response.end(String(requests++))));
    await expect(get(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({
      name: 'NetworkError',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
      maybeSent: false,
    });
    expect(requests).toBe(0);
  });

  test('a server that speaks no newer TLS than 1.1 is refused', async () => {
    const server = createSecureServer({ ...selfSigned(), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
    const refusal = new Promise((resolve) =>
      server.on('tlsClientError', ({ code }: NodeJS.ErrnoException) => resolve(code)),
    );
    const port = await listen(server);
    await expect(get(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({ name: 'NetworkError' });
    expect(await refusal).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL');
  });

  test.each([
    'http://a.example/1',
    'ftp://a.example/1',
    'https://user:secret@a.example/1',
    'http://169.254.169.254/latest',
    'https://169.254.169.254/latest',
    'https://[fe80::1]/1',
    'https://[::ffff:169.254.169.254]/1',
    'https://metadata.google.internal/1',
  ])('%s is not asked, whether a server names it or redirects there', async (url) => {
    const refused = { name: 'RefusedUrlError', message: expect.not.stringContaining('secret') };
    await expect(get(url)).rejects.toMatchObject(refused);
    const port = await listen(createServer((_, response) => response.writeHead(307, { location: url }).end()));
    await expect(get(`http://127.0.0.1:${port}/`)).rejects.toMatchObject(refused);
  });

  test('configured headers go along a redirect within an origin, and not to another one', async () => {
    const seen: (string | undefined)[] = [];
    const redirecting = (target: (path: string) => string | undefined): Server =>
      createServer(({ url = '', headers }, response) => {
        seen.push(headers['x-client'] as string | undefined);
        const location = target(url);
        response.writeHead(location === undefined ? 200 : 307, location === undefined ? {} : { location }).end();
      });
    const other = await listen(redirecting(() => undefined));
    const port = await listen(redirecting((path) => (path === '/1' ? '/2' : `http://127.0.0.1:${other}/3`)));
    const rules = { trustedHeaders: { 'X-Client': 'tests' }, trustedOrigins: new Set([`http://127.0.0.1:${port}`]) };
    await (await get(`http://127.0.0.1:${port}/1`, rules)).body.dump();
    expect(seen).toEqual(['tests', 'tests', undefined]);
  });
});

describe('a file is never held in memory: it is read from the wire no faster than it is stored', () => {
  const lines = Buffer.from(`{"resourceType":"Patient","id":"${'x'.repeat(65_488)}"}\n`);

  test.each([
    ['as it is', lines, undefined],
    ['as gzip', gzipSync(lines, { level: 0 }), 'gzip'],
  ])('%s', async (_, chunk, encoding) => {
    let [sent, stored, ahead] = [0, 0, 0];
    const body = Readable.from(
      (function* () {
        for (let count = 0; count < 640; count++) {
          sent += lines.length;
          yield chunk;
        }
      })(),
    );
    const headers = encoding === undefined ? {} : { 'content-encoding': encoding };
    const part: Part = {
      async write(bytes) {
        await new Promise((resolve) => setImmediate(resolve));
        ahead = Math.max(ahead, sent - stored);
        stored += bytes.length;
      },
      resumed: undefined,
      checkpoint: async () => {},
      restart: async () => {},
      finish: async () => {},
      publish: async () => true,
      discard: async () => {},
      keep: async () => {},
    };
    const url = 'https://a.example/1';
    const fetched = await fetchFile({
      http: { send: async () => ({ status: 200, headers, body, url }) } as unknown as HttpClient,
      rules: NO_RULES,
      entry: { ordinal: 0, page: 1, kind: 'output', index: 0, type: 'Patient', url, name: 'Patient.00001.ndjson', count: 640 },
      part,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    expect(fetched).toMatchObject({ records: 640, bytes: 640 * lines.length });
    expect(ahead).toBeLessThan(4 * 1024 * 1024);
  });
});

// Each test has a server of its own, so that they can run at the same time.
describe.concurrent('whole exports', () => {
  let stack: Stack;
  const FAST: SampleServerOptions = { patients: 5, pollsUntilReady: 0, retryAfter: '' };
  const SMALL = { parameters: { _type: 'Patient' } };
  const final = operationOutcome({ severity: 'error', code: 'processing', text: 'the job broke' });
  const transient = operationOutcome({ severity: 'error', code: 'throttled', text: 'try again' });

  beforeAll(async () => {
    stack = await startStack({
      servers: {
        accepting: FAST,
        heedless: FAST,
        applying: { ...FAST, separateStatus: false },
        ignoring: { ...FAST, separateStatus: false },
        late: { ...FAST, pageSize: 4 },
        failing: { ...FAST, pageSize: 4 },
        disagreeing: { ...FAST, pageSize: 4 },
        odd: { ...FAST, version: 4 },
        proud: { ...FAST, version: 4, messages: [{ severity: 'success', code: 'informational', text: 'all is done' }] },
        vague: FAST,
        deleting: FAST,
      },
      limits: { ...SHORT_LIMITS, outage: 30_000 },
      timeouts: { headers: 700, body: 700 },
    });
  });
  afterAll(() => stack.close());

  const server = (name: string) => stack.servers[name] as SampleServer;
  const answer = (status: number, body = '', headers: Record<string, string> = {}): Fault => ({
    kind: 'answer',
    status,
    body,
    headers,
  });
  const manifest = (transform: (manifest: Manifest) => unknown): Fault => ({ kind: 'transformManifest', transform });

  test('a kick-off is accepted by 202 or 200 with a Content-Location, whatever its body says', async () => {
    const request = { ...SMALL, server: 'accepting', keepServerFiles: true };
    await stack.run(request);
    const { statusUrl } = server('accepting').jobs()[0] as { statusUrl: string };
    const information = operationOutcome({ severity: 'information', code: 'informational', text: 'begun' });
    const answers: [number, string][] = [
      [202, ''],
      [202, information],
      [202, '<p>begun</p>'],
      [200, ''],
    ];
    for (const [skip, [status, body]] of answers.entries()) {
      const begun = answer(status, body, { 'Content-Location': statusUrl });
      server('accepting').faults.add({ route: 'kickOff', skip, do: begun });
    }
    const reports = await Promise.all(answers.map(() => stack.run(request)));
    expect(reports).toEqual(answers.map(() => expect.objectContaining({ files: 1, warnings: [] })));
    expect(server('accepting').jobs()).toHaveLength(1);
  });

  test('output that ignores filters is taken all the same', async () => {
    const keep = { server: 'heedless', keepServerFiles: true };
    await stack.run({ ...SMALL, ...keep });
    const { statusUrl } = server('heedless').jobs()[0] as { statusUrl: string };
    server('heedless').faults.add({ route: 'kickOff', do: answer(202, '', { 'Content-Location': statusUrl }) });
    const filters = { _since: '2026-01-01T00:00:00Z', _elements: 'id', _typeFilter: 'Patient?gender=other' };
    const report = await stack.run({ ...keep, parameters: { _type: 'Patient', ...filters } });
    expect(report.byType).toMatchObject({ Patient: { resources: FAST.patients } });
    await expectExactFiles(report.location, server('heedless'));
  });

  test('Preference-Applied in one header or in several says that an HTTP error is a failed poll', async () => {
    for (const value of ['respond-async, separate-export-status', ['respond-async', 'separate-export-status']]) {
      server('applying').faults.add({
        route: 'kickOff',
        do: { kind: 'headers', set: { 'Preference-Applied': value } },
      });
      server('applying').faults.add({ route: 'status', do: answer(500, final) });
      const report = await stack.run({ ...SMALL, server: 'applying', prefer: ['separate-export-status'] });
      expect(report.status).toBe('complete');
    }
  });

  test('without Preference-Applied it is a failed job, whatever was asked for', async () => {
    server('ignoring').faults.add({ route: 'status', do: answer(500, final) });
    const failure = await stack.fail({ ...SMALL, server: 'ignoring', prefer: ['separate-export-status'] });
    expect(failure.code).toBe('ExportFailed');
  });

  test('a further page of the manifest is asked for until it is there', async () => {
    const faults = [
      answer(202),
      answer(429),
      answer(500, transient),
      answer(502, '<html>bad gateway</html>'),
      { kind: 'drop' } as const,
    ];
    for (const [skip, fault] of faults.entries()) server('late').faults.add({ route: 'page', skip, do: fault });
    await expectExactFiles((await stack.run({ server: 'late' })).location, server('late'));
    const pages = server('late').journal.filter(({ route }) => route === 'page');
    expect(pages.map(({ status }) => status).slice(0, 6)).toEqual([202, 429, 500, 502, 0, 200]);
    expect(new Set(pages.slice(0, 6).map(({ url }) => url)).size).toBe(1);
  });

  test('a further page of the manifest that fails for good ends the run', async () => {
    server('failing').faults.add({ route: 'page', do: answer(500, final) });
    expect(await stack.fail({ server: 'failing' })).toMatchObject({
      code: 'ExportFailed',
      message: expect.stringContaining('the job broke'),
    });
    expect(server('failing').journal.at(-1)?.route).toBe('delete');
  });

  test('a further page of the manifest that differs in a root field earns a warning', async () => {
    const later = manifest((page) => ({ ...page, transactionTime: '2026-01-01T00:00:00Z' }));
    server('disagreeing').faults.add({ route: 'page', times: Infinity, do: later });
    const { transactionTime, warnings } = await stack.run({ server: 'disagreeing' });
    expect(transactionTime).toBe(server('disagreeing').jobs()[0]?.transactionTime);
    expect(warnings.map(({ code }) => code)).toEqual(['PagesDisagree']);
  });

  test('a manifest of another type or without a transactionTime earns a warning, a wrong fileSize none', async () => {
    const odd = manifest(({ output = [], ...page }) => ({
      ...page,
      manifestType: 'http://a.example/other',
      transactionTime: undefined,
      output: output.map((item) => ({ ...item, fileSize: 1 })),
    }));
    server('odd').faults.add({ route: 'status', times: Infinity, do: odd });
    const { location, warnings } = await stack.run({ server: 'odd' });
    await expectExactFiles(location, server('odd'));
    expect(warnings.map(({ code }) => code)).toEqual(['NoTransactionTime', 'UnknownManifestType']);
  });

  test('every entry of a deleted Bundle is counted, several to a line too', async () => {
    server('deleting').change({ deleted: 2 });
    const report = await stack.run({ server: 'deleting', parameters: { _since: '2026-01-01T00:00:00Z' } });
    const lines = (await readFile(join(report.location, 'deleted/Bundle.00001.ndjson'), 'utf8')).trimEnd().split('\n');
    const entries = lines.map((line) => (JSON.parse(line) as { entry: unknown[] }).entry.length);
    expect(Math.max(...entries)).toBeGreaterThan(1);
    const total = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0);
    expect(total(Object.values(report.deletions))).toBe(total(entries));
    expect(report.deletions['Patient']).toBe(2);
  });

  test('messages of severity success are counted and are no problem', async () => {
    const { status, issues } = await stack.run({ ...SMALL, server: 'proud' });
    expect(status).toBe('complete');
    expect(issues).toEqual([{ severity: 'success', code: 'informational', count: 1 }]);
  });

  test('a file may have any other Content-Type or none; nothing in it is followed, neither references nor attachments', async () => {
    const types = ['application/octet-stream', 'binary/octet-stream', 'application/json;charset=UTF-8', null];
    for (const [skip, type] of types.entries()) {
      server('vague').faults.add({ route: 'file', skip, do: { kind: 'headers', set: { 'Content-Type': type } } });
    }
    const { location, byType } = await stack.run({ server: 'vague' });
    await expectExactFiles(location, server('vague'));
    expect(byType['DocumentReference']?.resources).toBeGreaterThan(0);
    const { journal } = server('vague');
    expect(new Set(journal.map(({ route }) => route))).toEqual(
      new Set(['metadata', 'kickOff', 'status', 'file', 'delete']),
    );
    expect(journal.filter(({ route }) => route === 'file')).toHaveLength(server('vague').expectedFiles().length);
  });
});

/** A key and a certificate that it has signed for itself: X.509 version 1, written by hand because Node has no maker. */
function selfSigned(): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    const { length } = content;
    return Buffer.concat([
      Buffer.from(length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]),
      content,
    ]);
  };
  const [sequence, set] = [0x30, 0x31];
  const algorithm = der(sequence, Buffer.from('06082a8648ce3d040302', 'hex'));
  const commonName = der(sequence, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('a test')));
  const name = der(sequence, der(set, commonName));
  const times = ['200101000000Z', '491231235959Z'].map((time) => der(0x17, Buffer.from(time)));
  const signed = der(
    sequence,
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    der(sequence, ...times),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', signed, privateKey));
  const base64 = der(sequence, signed, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}
