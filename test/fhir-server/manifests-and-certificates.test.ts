import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ServerConfig } from '../../src/config.ts';
import { askStatus } from '../../src/fhir-server/ask-status.ts';
import type { FhirServer } from '../../src/fhir-server/fhir-server.ts';
import { Servers } from '../../src/fhir-server/servers.ts';
import type { Hold } from '../../src/http/read-text.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { listenOnLoopback } from '../support/listen.ts';
import { serverEntry } from '../support/stack.ts';
import { knownServer } from '../support/tls-servers.ts';

const HOLD: Hold = { uncounted: Infinity, take: () => undefined, release: () => {} };
const TOKEN = { epoch: 7, scope: '' };
const BEARER: ServerConfig['auth'] = { type: 'bearer', tokenEnv: 'TOKEN_OF_MANIFESTS' };

const http = new HttpClient();
let origin: AnsweringServer;
let answers: Record<string, Answer>;

beforeAll(async () => {
  origin = await startAnswering(({ url }) => answers[url] ?? { status: 404 });
});
beforeEach(() => {
  vi.stubEnv('TOKEN_OF_MANIFESTS', 'word');
  answers = {};
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await http.close();
  await origin.close();
});

const serverWith = (): Promise<FhirServer> => knownServer(http, `${origin.origin}/r4`, { auth: BEARER });

describe('a manifest', () => {
  const page = { transactionTime: '2026-01-01T00:00:00Z', requiresAccessToken: true, output: [], error: [] };
  const ask = (server: FhirServer) => {
    const terms = { separateStatus: false, partial: false };
    const url = new URL('/status', server.config.baseUrl).href;
    const request = { url, terms, token: TOKEN, signal: new AbortController().signal, hold: HOLD };
    return new MockActivityEnvironment().run(() => askStatus(server, request));
  };
  const poll = async (body: object) => {
    answers['/status'] = { body };
    return ask(await serverWith());
  };

  test.each<[string, object]>([
    ['a file', { ...page, output: [{ type: 'Patient', url: 'https://a.example/f?access_token=word' }] }],
    ['the next page', { ...page, link: [{ relation: 'next', url: 'https://a.example/word/2' }] }],
  ])('whose link to %s holds the token is refused: it would lead nowhere without it', async (_, body) => {
    const failing = poll(body);
    await expect(failing).rejects.toMatchObject({ code: 'InvalidManifest', message: expect.stringMatching(/token/) });
  });

  test('that names the token elsewhere is one', async () => {
    expect(await poll({ ...page, request: 'https://a.example/r4/$export?word=1' })).toMatchObject({ kind: 'manifest' });
  });

  test('that is too long is not asked for again', async () => {
    const mebibyte = gzipSync(Buffer.alloc(1024 * 1024));
    const packed = Buffer.concat(Array.from({ length: 257 }, () => mebibyte));
    const large = createServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    });
    const port = await listenOnLoopback(large);
    const failing = ask(await knownServer(http, `http://127.0.0.1:${port}/r4`, { auth: BEARER }));
    await expect(failing).rejects.toMatchObject({ code: 'InvalidManifest', message: expect.stringMatching(/longer/) });
    large.closeAllConnections();
    large.close();
  });
});

describe('certificates that are renewed', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('are in use within a minute; until they can be read the earlier ones are', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const write = (content: string): Promise<unknown> =>
      Promise.all([certFile, keyFile].map((file) => writeFile(file, content)));
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
    const pass = (milliseconds: number): void => void vi.setSystemTime(Date.now() + milliseconds);
    try {
      await write('first');
      const entry = serverEntry(`${origin.origin}/r4`, { tls: { certFile, keyFile } });
      const servers = new Servers({ servers: { one: entry }, destinations: {} }, http);
      const before = await servers.get('one');
      await write('second');
      pass(59_000);
      expect(await servers.get('one')).toBe(before);
      pass(1000);
      const after = await servers.get('one');
      expect([before, after].map(({ rules }) => rules.connection?.cert)).toEqual(['first', 'second']);
      // What is known of the server stays.
      expect(after.busy).toBe(before.busy);
      await rm(folder, { recursive: true });
      pass(60_000);
      expect(await servers.get('one')).toBe(after);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
