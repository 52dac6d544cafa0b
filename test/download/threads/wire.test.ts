import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Refusal } from '../../../src/download/fetch-file.ts';
import { HttpClient } from '../../../src/http/http-client.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { makeCertificates } from '../../support/certificates.ts';
import type { TestS3 } from '../../support/s3.ts';
import { hasS3, startS3 } from '../../support/s3.ts';
import type { Origin, Proxy } from '../../support/tls-servers.ts';
import { knownServer, servePlain, serveProxy, serveTls } from '../../support/tls-servers.ts';
import { fetchElsewhere, lines, makePool, orderOf, publish, sha256, useThreads } from './threads-under-test.ts';

const folder = mkdtempSync(join(tmpdir(), 'threads-wire-'));
const certificates = makeCertificates(folder);
const { ca, client } = certificates;
const content = lines(1024 * 1024);
const whole = { checked: sha256(content), stored: sha256(content) };
const clients: string[] = [];
const asked: { url: string | undefined; authorization: string | undefined; key: unknown }[] = [];
let secure: Origin;
let elsewhere: Origin;
let proxy: Proxy;

useThreads();
beforeAll(async () => {
  elsewhere = await servePlain((request, response) => {
    const { authorization, 'x-api-key': key } = request.headers;
    asked.push({ url: request.url, authorization, key });
    if (request.url === '/refused') response.writeHead(403, { 'x-request-id': 'abc' }).end();
    else response.setHeader('content-encoding', 'gzip').end(gzipSync(content));
  });
  secure = await serveTls(
    certificates,
    clients,
    (request, response) => {
      const { authorization, 'x-api-key': key } = request.headers;
      asked.push({ url: request.url, authorization, key });
      if (request.url === '/away') response.writeHead(302, { location: `${elsewhere.origin}/file` }).end();
      else response.setHeader('content-length', content.length).end(content);
    },
    true,
  );
  proxy = await serveProxy();
});
afterAll(async () => {
  await Promise.all([secure, elsewhere, proxy].map((server) => server.close()));
  rmSync(folder, { recursive: true });
});

/** The rules of a server in the configuration, as an activity hands them over. */
async function rulesOf(origin: string, more: Parameters<typeof knownServer>[2] = {}) {
  const http = new HttpClient();
  const { rules } = await knownServer(http, `${origin}/r4`, { headers: { 'X-Api-Key': 'k' }, ...more });
  await http.close();
  return rules;
}

function order(url: string, rules: Awaited<ReturnType<typeof rulesOf>>) {
  const { request, ...rest } = orderOf(url, { rules });
  return { ...rest, request: { ...request, authorization: 'Bearer secret' } };
}

const tls = { caFile: ca, certFile: client.cert, keyFile: client.key };

describe('the rules of a server hold in another thread', () => {
  test('own certificate authority, client certificate, token and headers', async () => {
    asked.length = clients.length = 0;
    const pool = makePool();
    const fetched = await fetchElsewhere(pool, order(`${secure.origin}/file`, await rulesOf(secure.origin, { tls })));
    expect(await publish(fetched, 'Patient.ndjson')).toEqual(whole);
    expect(asked).toEqual([{ url: '/file', authorization: 'Bearer secret', key: 'k' }]);
    expect(clients).not.toContain('none');
  });

  test('a proxy', async () => {
    const pool = makePool();
    const rules = await rulesOf(secure.origin, { tls, proxy: proxy.origin });
    const fetched = await fetchElsewhere(pool, order(`${secure.origin}/file`, rules));
    expect(await publish(fetched, 'Patient.ndjson')).toEqual(whole);
    expect(proxy.tunnels).toEqual([new URL(secure.origin).host]);
  });

  test('a proxy whose password is in a file, and changes', async () => {
    const pool = makePool();
    const file = join(folder, 'proxy-password');
    writeFileSync(file, 'bert:old');
    const rules = await rulesOf(secure.origin, { tls, proxy: proxy.origin, proxyCredentialsFile: file });
    writeFileSync(file, 'bert:newer');
    const newer = `Basic ${Buffer.from('bert:newer').toString('base64')}`;
    proxy.demands = newer;
    const fetched = await fetchElsewhere(pool, order(`${secure.origin}/file`, rules));
    expect(await publish(fetched, 'Patient.ndjson')).toEqual(whole);
    expect(proxy.credentials.at(-1)).toBe(newer);
  });

  test('a redirect to another origin takes no secret along; gzip is unpacked', async () => {
    asked.length = 0;
    const pool = makePool();
    const fetched = await fetchElsewhere(pool, order(`${secure.origin}/away`, await rulesOf(secure.origin, { tls })));
    expect(await publish(fetched, 'Patient.ndjson')).toEqual(whole);
    expect(asked).toEqual([
      { url: '/away', authorization: 'Bearer secret', key: 'k' },
      { url: '/file', authorization: undefined, key: undefined },
    ]);
  });

  test('addresses of this machine are not asked for a server that is elsewhere', async () => {
    asked.length = 0;
    const pool = makePool();
    const rules = await rulesOf('https://fhir.example');
    const fetched = await fetchElsewhere(pool, order(`${elsewhere.origin}/file`, rules));
    expect(fetched).toMatchObject({ kind: 'trouble', trouble: { cause: 'final' } });
    expect(asked).toEqual([]);
  });

  test('a refusal is told with what the log wants to know', async () => {
    const pool = makePool();
    const refusals: Refusal[] = [];
    const url = `${elsewhere.origin}/refused`;
    const fetched = await fetchElsewhere(pool, order(url, await rulesOf(elsewhere.origin)), {
      onRefusal: (refusal) => refusals.push(refusal),
    });
    expect(fetched).toMatchObject({ kind: 'trouble', trouble: { cause: 'link', detail: 'HTTP 403' } });
    expect(refusals).toMatchObject([{ status: 403, url, headers: { 'x-request-id': 'abc' } }]);
    expect(JSON.stringify(refusals)).not.toContain('secret');
  });
});

describe.runIf(hasS3)('S3', () => {
  let s3: TestS3;
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterAll(() => s3.stop());

  test.each([
    ['of pieces', 18],
    ['of one piece', 1],
  ])('a file %s is stored byte for byte', async (_, mebibytes) => {
    const large = lines(mebibytes * 1024 * 1024);
    const source = await servePlain((_request, response) =>
      response.setHeader('content-length', large.length).end(large),
    );
    const pool = makePool({ destinations: { lake: s3.destination({ forcePathStyle: true }) } });
    let checks = 0;
    const rules = await rulesOf(source.origin);
    const fetched = await fetchElsewhere(
      pool,
      { ...order(`${source.origin}/file`, rules), destination: 'lake', path: `threads-${mebibytes}` },
      { mayChange: async () => void checks++ },
    );
    if (fetched.kind !== 'checked') throw new Error(fetched.trouble.detail);
    await fetched.part.finish();
    expect(await fetched.part.publish('Patient.ndjson')).toBe(true);
    await fetched.part.discard();
    await source.close();
    expect(checks).toBeGreaterThan(0);
    expect(await s3.keys(`threads-${mebibytes}/`)).toEqual([`threads-${mebibytes}/Patient.ndjson`]);
    const stored = await openS3(s3.destination({ forcePathStyle: true }), `threads-${mebibytes}`).read(
      'Patient.ndjson',
    );
    expect(sha256(stored ?? Buffer.alloc(0))).toBe(fetched.file.sha256);
  });
});
