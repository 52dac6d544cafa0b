import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import {
  operationOutcome,
  startSampleServer,
  type Fault,
  type FhirBulkVersion,
  type Manifest,
  type SampleServer,
  type SampleServerOptions,
} from '../../../dev/sample-server/index.ts';

const running: SampleServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start(options: SampleServerOptions = {}): Promise<SampleServer> {
  const server = await startSampleServer({ patients: 20, pollsUntilReady: 0, ...options });
  running.push(server);
  return server;
}

type Parameter = { name: string; [value: string]: unknown };
type KickOff = { parameters?: Parameter[]; method?: 'GET' | 'POST'; headers?: Record<string, string | null> };

async function kickOff(server: SampleServer, path: string, { parameters, method, headers }: KickOff = {}) {
  const post = method === 'POST' || parameters !== undefined;
  const all = {
    accept: 'application/fhir+json',
    prefer: 'respond-async',
    ...(post && { 'content-type': 'application/fhir+json' }),
    ...headers,
  };
  const body = post ? JSON.stringify({ resourceType: 'Parameters', parameter: parameters }) : null;
  const sent = Object.entries(all).filter((header): header is [string, string] => header[1] !== null);
  return get(`${server.baseUrl}/${path}`, Object.fromEntries(sent), post ? 'POST' : 'GET', body);
}

async function get(url: string, headers: Record<string, string> = {}, method = 'GET', body: string | null = null) {
  const response = await request(url, { method, headers, body });
  const bytes = Buffer.from(await response.body.arrayBuffer());
  return { status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() };
}

const poll = (url: string) => get(url, { accept: 'application/json' });

/** Kicks off, expects completion at once, and returns the manifest. */
async function manifestOf(server: SampleServer, path = '$export', options: KickOff = {}): Promise<Manifest> {
  const started = await kickOff(server, path, options);
  expect(started.status, started.text).toBe(202);
  const answer = await poll(String(started.headers['content-location']));
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text) as Manifest;
}

/** Ids of an export by type. */
async function idsOf(manifest: Manifest): Promise<Record<string, string[]>> {
  const ids: Record<string, string[]> = {};
  for (const item of manifest.output ?? []) {
    const { text } = await get(item.url);
    for (const line of text.trimEnd().split('\n')) {
      const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
      (ids[resourceType] ??= []).push(id);
    }
  }
  return ids;
}

const types = (manifest: Manifest) => [...new Set(manifest.output?.map((item) => item.type))];
const string = (name: string, valueString: string): Parameter => ({ name, valueString });

describe('data', () => {
  test('the same seed gives the same bytes, another seed does not', async () => {
    const hashes = async (seed: number) => {
      const server = await start({ seed, attachmentUrls: 'relative' });
      await manifestOf(server);
      return server.expectedFiles().map(({ name, sha256 }) => `${name} ${sha256}`);
    };
    const first = await hashes(1);
    expect(await hashes(1)).toEqual(first);
    expect(await hashes(2)).not.toEqual(first);
  });

  test('expectedFiles tells what a client gets', async () => {
    const server = await start({ linesPerFile: 100 });
    const manifest = await manifestOf(server);
    const expected = server.expectedFiles();
    expect(manifest.output?.map((item) => item.url)).toEqual(expected.map((file) => file.url));
    expect(expected.filter((file) => file.type === 'Observation').length).toBeGreaterThan(1);
    for (const file of expected) {
      const { bytes, text } = await get(file.url);
      expect(bytes.equals(readFileSync(file.path))).toBe(true);
      expect([bytes.length, text.split('\n').length - 1]).toEqual([file.bytes, file.lines]);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);
      for (const line of text.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('resourceType', file.type);
    }
  });

  test('lines are short and long, with characters and decimals that are easily damaged', async () => {
    const server = await start({ patients: 50 });
    const manifest = await manifestOf(server);
    const text = (await Promise.all((manifest.output ?? []).map((item) => get(item.url))))
      .map((file) => file.text)
      .join('');
    const lengths = text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.length);
    expect(Math.min(...lengths)).toBeLessThan(260);
    expect(Math.max(...lengths)).toBeGreaterThan(100_000);
    for (const part of ['Ñandú', 'Łódź', '日本語', '😀', '"value":1.10,', '"value":12345678901234567890.5,']) {
      expect(text).toContain(part);
    }
  });

  test('attachments are readable as bytes and as FHIR Binary', async () => {
    const server = await start();
    const manifest = await manifestOf(server, 'Patient/$export?_type=DocumentReference');
    const line = (await get(manifest.output?.[0]?.url ?? '')).text.split('\n')[0] ?? '';
    const { url, hash } = (JSON.parse(line) as { content: [{ attachment: { url: string; hash: string } }] }).content[0]
      .attachment;
    const raw = await get(url);
    expect(createHash('sha1').update(raw.bytes).digest('base64')).toBe(hash);
    const resource = JSON.parse((await get(url, { accept: 'application/fhir+json' })).text) as { data: string };
    expect(Buffer.from(resource.data, 'base64').equals(raw.bytes)).toBe(true);
  });
});

describe('selection', () => {
  const since = '2022-01-01T00:00:00Z';

  test('_type, _since and _until', async () => {
    const server = await start();
    const all = await idsOf(await manifestOf(server, '$export?_type=Patient,Condition'));
    expect(Object.keys(all)).toEqual(['Patient', 'Condition']);
    const manifest = await manifestOf(server, `$export?_type=Patient,Condition&_since=${since}`);
    const later = await idsOf(manifest);
    const earlier = await idsOf(await manifestOf(server, `$export?_type=Patient,Condition&_until=${since}`));
    expect(later['Condition']?.length).toBeGreaterThan(0);
    expect([...(earlier['Condition'] ?? []), ...(later['Condition'] ?? [])].toSorted()).toEqual(
      all['Condition']?.toSorted(),
    );

    const deletions = (await get((await manifestOf(server, `$export?_since=${since}`)).deleted?.[0]?.url ?? '')).text;
    const bundle = JSON.parse(deletions.split('\n')[0] ?? '') as { type: string; entry: { request: object }[] };
    expect(bundle.type).toBe('transaction');
    expect(bundle.entry[0]?.request).toEqual({ method: 'DELETE', url: expect.stringMatching(/^[A-Z]\w+\/gone-\d+$/) });
  });

  test('groups and patients', async () => {
    const server = await start();
    const group = await idsOf(await manifestOf(server, 'Group/diabetes/$export'));
    expect(group['Patient']).toEqual(['pat-2', 'pat-6', 'pat-10', 'pat-14', 'pat-18']);
    expect(group['Organization']).toHaveLength(3);
    const parameters = [{ name: 'patient', valueReference: { reference: 'Patient/pat-6' } }];
    const one = await idsOf(await manifestOf(server, 'Group/diabetes/$export', { parameters }));
    expect(one['Patient']).toEqual(['pat-6']);
    expect(one['Encounter']?.every((id) => id.startsWith('enc-6-'))).toBe(true);
    expect((await manifestOf(server, 'Group/empty/$export?_type=Patient')).output).toEqual([]);
  });

  test('_typeFilter: alternatives within a type, other types unaffected', async () => {
    const server = await start();
    const filtered = async (...filters: string[]) => {
      const query = new URLSearchParams(filters.map((filter): [string, string] => ['_typeFilter', filter]));
      return idsOf(await manifestOf(server, `Patient/$export?_type=Observation,Patient&${query.toString()}`));
    };
    const laboratory = await filtered('Observation?category=laboratory');
    const vital = await filtered('Observation?category=vital-signs');
    const both = await filtered('Observation?category=laboratory', 'Observation?category=vital-signs');
    expect(both['Observation']?.length).toBe(
      (laboratory['Observation']?.length ?? 0) + (vital['Observation']?.length ?? 0),
    );
    expect(laboratory['Patient']).toHaveLength(20);
    const final = await filtered('Observation?category=laboratory&status=final,amended');
    expect(final['Observation']?.length).toBeLessThan(laboratory['Observation']?.length ?? 0);
  });

  test('_elements keeps what was asked, what is mandatory, and the digits', async () => {
    const server = await start();
    const manifest = await manifestOf(server, '$export?_type=Observation&_elements=Observation.value');
    const { text } = await get(manifest.output?.[0]?.url ?? '');
    const line = text.split('\n').find((candidate) => candidate.includes('"value":1.10,')) ?? '';
    expect(Object.keys(JSON.parse(line) as object)).toEqual([
      'resourceType',
      'id',
      'meta',
      'status',
      'code',
      'valueQuantity',
    ]);
    expect(line).toContain('SUBSETTED');
  });

  test('organizeOutputBy: blocks with headers, continued in the next file where they do not fit', async () => {
    const server = await start({ linesPerFile: 10 });
    const manifest = await manifestOf(server, 'Patient/$export?organizeOutputBy=Patient');
    expect(manifest['outputOrganizedBy']).toBe('Patient');
    const [first, second] = manifest.output ?? [];
    expect(first).not.toHaveProperty('type');
    expect(first?.['continuesInFile']).toBe(second?.url);
    const heads = await Promise.all([first, second].map(async (item) => (await get(item?.url ?? '')).text.split('\n')));
    expect(heads[0]?.[0]).toContain('"reference":"Patient/pat-1"');
    expect(JSON.parse(heads[0]?.[1] ?? '')).toMatchObject({ resourceType: 'Patient', id: 'pat-1' });
    expect(heads[1]?.[0]).toBe(heads[0]?.[0]);
  });

  test('changes appear in the next incremental export', async () => {
    const server = await start();
    const { transactionTime } = await manifestOf(server);
    expect((await manifestOf(server, `$export?_since=${transactionTime}`)).output).toEqual([]);
    server.change({ updated: 2, deleted: 1 });
    const manifest = await manifestOf(server, `$export?_since=${transactionTime}`);
    expect(await idsOf(manifest)).toEqual({ Patient: ['pat-1', 'pat-2'] });
    expect((await get(manifest.deleted?.[0]?.url ?? '')).text).toContain('"DELETE","url":"Patient/pat-20"');
  });
});

describe('manifests', () => {
  const fields: Record<FhirBulkVersion, string[]> = {
    1: ['transactionTime', 'request', 'requiresAccessToken', 'output', 'error', 'extension'],
    2: ['transactionTime', 'request', 'requiresAccessToken', 'output', 'deleted', 'error', 'extension'],
    3: ['transactionTime', 'request', 'requiresAccessToken', 'output', 'deleted', 'error', 'extension'],
    4: [
      'manifestType',
      'transactionTime',
      'requiresAccessToken',
      'outputFormat',
      'output',
      'deleted',
      'outcome',
      'extension',
    ],
  };
  test.each([1, 2, 3, 4] as const)('version %i has its own shape', async (version) => {
    const messages = [{ severity: 'information' as const, code: 'informational', text: 'Hello' }];
    const server = await start({ version, messages });
    const since = '2019-06-01T00:00:00Z';
    const manifest =
      version === 4
        ? await manifestOf(server, '$export', { parameters: [{ name: '_since', valueInstant: since }] })
        : await manifestOf(server, `$export?_since=${since}`);
    expect(Object.keys(manifest)).toEqual(fields[version]);
    const itemFields = version === 4 ? ['type', 'url', 'count', 'fileSize'] : ['type', 'url', 'count'];
    expect(Object.keys(manifest.output?.[0] ?? {})).toEqual(itemFields);
    if (version === 4) expect(manifest.outcome?.[0]?.['countSeverity']).toEqual([{ code: 'information', count: 1 }]);
    else expect(manifest['request']).toBe(`${server.baseUrl}/$export?_since=${since}`);
    if (version === 2 || version === 3) expect(manifest.deleted?.[0]?.type).toBe('Bundle');
    if (version === 4) expect(manifest.deleted?.[0]).not.toHaveProperty('type');
    const empty = await manifestOf(server, 'Group/empty/$export', { method: version === 4 ? 'POST' : 'GET' });
    expect(types(empty)).toEqual(['Organization', 'Practitioner']);
  });

  test('pages of a complete export', async () => {
    const server = await start({ pageSize: 4 });
    let manifest = await manifestOf(server);
    const urls: string[] = [];
    for (let pages = 1; ; pages += 1) {
      urls.push(...(manifest.output ?? []).map((item) => item.url));
      const next = manifest.link?.[0];
      if (next === undefined) break;
      expect(next.relation).toBe('next');
      expect(pages).toBeLessThan(4);
      manifest = JSON.parse((await poll(next.url)).text) as Manifest;
    }
    expect(urls).toEqual(server.expectedFiles().map((file) => file.url));
  });

  test('partial manifests appear while the export runs', async () => {
    const server = await start({ pollsUntilReady: 4, pageSize: 4 });
    const started = await kickOff(server, '$export?allowPartialManifests=true');
    const url = String(started.headers['content-location']);
    const answers = [];
    for (let number = 1; number <= 5; number += 1) answers.push(await poll(url));
    const told = answers.map(({ status, text }) => {
      const manifest = text === '' ? undefined : (JSON.parse(text) as Manifest);
      return [status, manifest?.output?.length ?? 0, manifest?.link?.length ?? 0];
    });
    expect(told).toEqual([
      [202, 0, 0],
      [202, 0, 0],
      [202, 4, 0],
      [202, 4, 1],
      [200, 4, 1],
    ]);
  });

  test('separate export status', async () => {
    const server = await start({ pollsUntilReady: 1, retryAfter: '7', progress: (number) => `${number} of 2` });
    const started = await kickOff(server, '$export', { headers: { prefer: 'respond-async, separate-export-status' } });
    expect(started.headers['preference-applied']).toBe('respond-async, separate-export-status');
    const url = String(started.headers['content-location']);
    const first = await poll(url);
    expect([first.status, first.headers['x-export-status'], first.text]).toEqual([200, '202 Accepted', '']);
    expect([first.headers['retry-after'], first.headers['x-progress']]).toEqual(['7', '1 of 2']);
    expect((await poll(url)).headers['x-export-status']).toBe('200 OK');
  });
});

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

describe('jobs', () => {
  test('DELETE ends a job and its files', async () => {
    const server = await start({ pollsUntilReady: 1 });
    const url = String((await kickOff(server, '$export?_type=Patient')).headers['content-location']);
    expect((await poll(url)).status).toBe(202);
    const file = (JSON.parse((await poll(url)).text) as Manifest).output?.[0]?.url ?? '';
    expect(server.jobs()[0]?.state).toBe('complete');
    expect((await get(url, {}, 'DELETE')).status).toBe(202);
    const gone = await poll(url);
    expect([gone.status, JSON.parse(gone.text)]).toEqual([
      404,
      expect.objectContaining({ resourceType: 'OperationOutcome' }),
    ]);
    expect((await get(file)).status).toBe(404);
    expect((await get(url, {}, 'DELETE')).status).toBe(404);
    expect(server.jobs()[0]).toMatchObject({ state: 'deleted', deleted: true, request: { types: ['Patient'] } });
  });

  test('jobs survive a restart of the server, and the server can go away for a while', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sample-server-test-'));
    const options = { dataFolder: join(folder, 'data'), stateFile: join(folder, 'state.json') };
    const first = await start(options);
    const url = (await manifestOf(first)).output?.[0]?.url ?? '';
    const { statusUrl } = first.jobs()[0] ?? { statusUrl: '' };
    await first.close();
    const second = await start({ ...options, port: Number(new URL(first.baseUrl).port) });
    expect((await poll(statusUrl)).status).toBe(200);
    expect((await get(url)).status).toBe(200);
    await second.goAway();
    await expect(poll(statusUrl)).rejects.toThrow();
    await second.comeBack();
    expect((await poll(statusUrl)).status).toBe(200);
    await second.close();
    await rm(folder, { recursive: true });
  });
});

describe('strictness', () => {
  const post = (...parameters: Parameter[]): KickOff => ({ parameters });
  const cases: [name: string, version: FhirBulkVersion, status: number, path: string, options?: KickOff][] = [
    ['no Accept', 3, 400, '$export', { headers: { accept: null } }],
    ['wrong Accept', 3, 400, '$export', { headers: { accept: 'application/json' } }],
    ['no Prefer', 3, 400, '$export', { headers: { prefer: null } }],
    [
      'wrong Content-Type',
      3,
      415,
      '$export',
      { ...post(string('_type', 'Patient')), headers: { 'content-type': 'application/json' } },
    ],
    ['encoded $', 3, 404, '%24export'],
    ['unknown group', 3, 404, 'Group/nobody/$export'],
    [
      'unknown patient',
      3,
      400,
      'Patient/$export',
      post({ name: 'patient', valueReference: { reference: 'Patient/pat-999' } }),
    ],
    ['patient by GET', 3, 400, 'Patient/$export?patient=Patient/pat-1'],
    [
      'patient at system level',
      3,
      400,
      '$export',
      post({ name: 'patient', valueReference: { reference: 'Patient/pat-1' } }),
    ],
    [
      'not a member',
      3,
      400,
      'Group/diabetes/$export',
      post({ name: 'patient', valueReference: { reference: 'Patient/pat-1' } }),
    ],
    ['date for an instant', 3, 400, '$export?_since=2024-01-01'],
    ['unencoded plus', 3, 400, '$export?_since=2024-01-01T00:00:00+01:00'],
    ['wrong value type', 3, 400, '$export', post(string('_since', '2024-01-01T00:00:00Z'))],
    ['repeated _since', 3, 400, '$export?_since=2024-01-01T00:00:00Z&_since=2024-01-01T00:00:00Z'],
    ['unknown parameter', 3, 400, '$export?_sort=name'],
    ['unknown type', 3, 400, '$export?_type=Spaceship'],
    ['only types outside the compartment', 3, 400, 'Patient/$export?_type=Organization'],
    ['result parameter in a filter', 3, 400, '$export?_typeFilter=Patient%3F_sort%3Dname'],
    ['POST to version 1', 1, 405, '$export', post(string('_type', 'Patient'))],
    ['_until before version 3', 2, 400, '$export?_until=2024-01-01T00:00:00Z'],
    ['GET to version 4', 4, 405, '$export'],
    ['comma in version 4', 4, 400, '$export', post(string('_type', 'Patient,Condition'))],
    ['code for a Coding in version 4', 4, 400, '$export', post({ name: 'includeAssociatedData', valueCode: '_x' })],
    ['empty parameter array', 3, 400, '$export', post()],
  ];
  test.each(cases)('%s', async (_name, version, status, path, options) => {
    const server = await start({ version });
    const answer = await kickOff(server, path, options);
    expect(answer.status, answer.text).toBe(status);
    expect(JSON.parse(answer.text)).toHaveProperty('resourceType', 'OperationOutcome');
    expect(server.jobs()).toEqual([]);
  });

  test('lenient handling tells in a file what was ignored', async () => {
    const server = await start();
    const headers = { prefer: 'respond-async, handling=lenient' };
    const manifest = await manifestOf(server, '$export?_sort=name&_type=Patient,Spaceship', { headers });
    expect(types(manifest)).toEqual(['Patient']);
    const { text } = await get(manifest.error?.[0]?.url ?? '');
    expect(text).toContain('_sort');
    expect(text).toContain('Spaceship');
  });

  test('the status URL has to be used as it is, with Accept: application/json', async () => {
    const server = await start();
    const url = String((await kickOff(server, '$export')).headers['content-location']);
    expect(url).toContain('%2F');
    expect((await get(url)).status).toBe(406);
    expect((await poll(url.replace('%2F', '/'))).status).toBe(404);
    expect((await poll(url)).status).toBe(200);
  });

  test('an authorization decides about everything but discovery', async () => {
    const refusal = { status: 401, headers: { 'www-authenticate': 'Bearer' } };
    const server = await start({
      requiresAccessToken: true,
      authorization: {
        authorize: (incoming) => (incoming.headers.authorization === 'Bearer good' ? undefined : refusal),
        serve: (_incoming, route) => ({ status: 200, headers: {}, body: route }),
      },
    });
    expect((await kickOff(server, '$export')).status).toBe(401);
    expect((await kickOff(server, '$export', { headers: { authorization: 'Bearer good' } })).status).toBe(202);
    await server.filesWritten();
    const url = server.expectedFiles()[0]?.url ?? '';
    expect((await get(url)).status).toBe(401);
    expect((await get(url, { authorization: 'Bearer good' })).status).toBe(200);
    expect((await get(`${server.baseUrl}/metadata`)).status).toBe(200);
    expect((await get(`${server.baseUrl}/.well-known/smart-configuration`)).text).toBe('smartConfiguration');
  });
});

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
