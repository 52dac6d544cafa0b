/** Client rules that `docs/conformance.md` lists and that no other test happens to prove. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createAuthServer,
  type Fault,
  type Manifest,
  operationOutcome,
  type Route,
  type SampleServer,
  type SampleServerOptions,
} from '../../dev/sample-server/index.ts';
import { fetchFile } from '../../src/download/fetch-file.ts';
import { ServerClocks } from '../../src/auth/clock.ts';
import { discover } from '../../src/auth/discovery.ts';
import { requestToken } from '../../src/auth/token-request.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { HttpRequest } from '../../src/http/messages.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import type { Part } from '../../src/storage/folder.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { bodyOf } from '../support/http-body.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const NO_RULES: RequestRules = { trustedHeaders: {}, trustedOrigins: new Set(), loopback: true };

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

  test('an own certificate authority is believed, and our certificate is shown to trusted origins only', async () => {
    const [theirs, ours] = [selfSigned('localhost'), selfSigned('us')];
    const server = createSecureServer({ ...theirs, ca: ours.cert, requestCert: true, rejectUnauthorized: true });
    const port = await listen(server.on('request', (_, response) => response.end()));
    const url = `https://localhost:${port}`;
    const connection = { key: 'tests', ca: theirs.cert, cert: ours.cert, certKey: ours.key };
    const { status, body } = await get(url, {
      trustedHeaders: {},
      trustedOrigins: new Set([url]),
      loopback: true,
      connection,
    });
    await body.dump();
    expect(status).toBe(200);
    await expect(get(url, { ...NO_RULES, connection })).rejects.toMatchObject({ name: 'NetworkError' });
  });
});

/** Answers each address with a body, and the others with 404. */
function answering(bodies: Record<string, object>): HttpClient {
  const send = async ({ url }: HttpRequest): Promise<unknown> => {
    const found = bodies[url];
    const status = found === undefined ? 404 : 200;
    return { status, headers: {}, body: bodyOf([Buffer.from(JSON.stringify(found ?? {}))]), url };
  };
  return { send } as unknown as HttpClient;
}

describe('discovery', () => {
  const find = (bodies: Record<string, object>, more: object = {}): ReturnType<typeof discover> =>
    discover(answering(bodies), NO_RULES, new ServerClocks(), { baseUrl: 'https://a.example/b/fhir', ...more });
  const place = 'https://a.example/b/fhir/.well-known/smart-configuration';

  test('looks below the whole base URL, passes over unknown fields, and resolves a relative endpoint', async () => {
    const found = await find({ [place]: { token_endpoint: 'auth/token', unheard_of: [1] } });
    expect(found).toMatchObject({ tokenUrl: 'https://a.example/b/fhir/auth/token', algorithms: [], capabilities: [] });
  });

  test('is not needed where the token endpoint is configured', async () => {
    const found = await find({}, { tokenUrl: 'https://a.example/token' });
    expect(found).toMatchObject({ tokenUrl: 'https://a.example/token', source: 'configured' });
  });
});

describe('the answer of the token endpoint', () => {
  const tokenUrl = 'https://a.example/token';
  const ask = (answer: object): ReturnType<typeof requestToken> =>
    requestToken(answering({ [tokenUrl]: answer }), NO_RULES, new ServerClocks(), {
      tokenUrl,
      scope: 'system/*.rs',
      proof: async () => ({ headers: {}, fields: {}, secrets: [] }),
      supported: [],
    });
  const good = { access_token: 'x', token_type: 'bearer', expires_in: 60, scope: 'system/*.rs' };

  test.each(['bearer', 'Bearer', 'BEARER'])('has token_type %s; a refresh token is passed over', async (token_type) => {
    const token = { value: 'x', expiresIn: 60_000, scope: 'system/*.rs' };
    expect(await ask({ ...good, token_type, refresh_token: 'y' })).toEqual(token);
  });

  test.each([
    ['no access_token', { access_token: undefined }],
    ['another token_type', { token_type: 'mac' }],
  ])('with %s is a failure', async (_, fields) => {
    await expect(ask({ ...good, ...fields })).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  });
});

describe('a file is never held in memory: it is read from the wire no faster than it is stored', () => {
  const lines = Buffer.from(`{"resourceType":"Patient","id":"${'x'.repeat(65_488)}"}\n`);

  test.each([
    ['as it is', lines, undefined],
    ['as gzip', gzipSync(lines, { level: 0 }), 'gzip'],
  ])('%s', async (_, chunk, encoding) => {
    let [sent, stored, ahead] = [0, 0, 0];
    const body = bodyOf(
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
      keep: async () => 0,
    };
    const url = 'https://a.example/1';
    const entry: Entry = {
      ordinal: 0,
      page: 1,
      kind: 'output',
      index: 0,
      type: 'Patient',
      url,
      name: 'Patient.00001.ndjson',
      needsToken: false,
      count: 640,
    };
    const fetched = await fetchFile(
      { rules: NO_RULES, entry },
      {
        http: { send: async () => ({ status: 200, headers, body, url }) } as unknown as HttpClient,
        part,
        signal: new AbortController().signal,
        onProgress: () => {},
        onRefusal: () => {},
      },
    );
    expect(fetched).toMatchObject({ kind: 'checked', file: { records: 640, bytes: 640 * lines.length } });
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

  let keyFolder: string;
  let privateKey: string;

  beforeAll(async () => {
    const { privateJwk, publicJwk } = await makeKey('ES384', 'key-1');
    privateKey = privateJwk.d as string;
    keyFolder = await mkdtemp(join(tmpdir(), 'keys-'));
    const auth = {
      type: 'smart-backend' as const,
      clientId: 'demo-client',
      privateKeyFile: await secretFile(keyFolder, 'key.json', privateJwk),
    };
    const authServer = createAuthServer({ jwks: { keys: [publicJwk] } });
    stack = await startStack({
      entries: { guarded: { auth }, secretive: { auth }, signed: { auth } },
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
        guarded: { ...FAST, pageSize: 4, requiresAccessToken: true, authorization: authServer },
        secretive: { ...FAST, requiresAccessToken: true, authorization: authServer },
        signed: { ...FAST, requiresAccessToken: false, authorization: authServer },
      },
      limits: { ...SHORT_LIMITS, outage: 30_000 },
      timeouts: { headers: 700, body: 700 },
    });
  });
  afterAll(async () => {
    await stack.close();
    await rm(keyFolder, { recursive: true });
  });

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

  test.each([
    ['guarded', true],
    ['signed', false],
  ])('all but the files carry the token, and those too where requiresAccessToken is true: %s', async (name, files) => {
    await expectExactFiles((await stack.run({ server: name })).location, server(name));
    const withToken = (...routes: Route[]): boolean[] =>
      server(name)
        .journal.filter(({ route }) => routes.includes(route))
        .map(({ headers }) => /^Bearer \S+$/.test(headers.authorization ?? ''));
    expect(new Set(withToken('kickOff', 'status', 'page', 'delete'))).toEqual(new Set([true]));
    expect(new Set(withToken('file'))).toEqual(new Set([files]));
  });

  test('history and disk hold no token, assertion or key, and no signature of a URL', async () => {
    const started = await stack.start({ ...SMALL, server: 'secretive' });
    const { location } = await started.result();
    const disk = (await readdir(location, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8'));
    const texts = [payloadsOf(await started.handle.fetchHistory()), (await Promise.all(disk)).join('\n')];
    const tokens = server('secretive').journal.flatMap(({ headers }) => headers.authorization?.split(' ')[1] ?? []);
    const assertions = server('secretive').journal.flatMap(
      ({ route, body }) => (route === 'token' && new URLSearchParams(body).get('client_assertion')) || [],
    );
    const urls = server('secretive')
      .jobs()
      .map(({ statusUrl }) => new URL(statusUrl).search.split('sig=')[1] as string);
    for (const found of [tokens, assertions, urls]) expect(found.length).toBeGreaterThan(0);
    for (const text of texts) {
      expect(text).toContain('transactionTime');
      for (const secret of [privateKey, ...tokens, ...assertions, ...urls, ...urls.map(decodeURIComponent)]) {
        expect(text.includes(secret)).toBe(false);
      }
    }
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

/** The text of all payloads of a history, which in its JSON are Base64. */
function payloadsOf(value: unknown): string {
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  return typeof value === 'object' && value !== null ? Object.values(value).map(payloadsOf).join('') : '';
}

/** A key and a certificate that it has signed for itself: X.509 version 1, written by hand because Node has no maker. */
function selfSigned(host = 'a test'): { key: string; cert: string } {
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
  const commonName = der(sequence, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(host)));
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
