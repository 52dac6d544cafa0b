import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 20, linesPerFile: 50, pollsUntilReady: 0, retryAfter: '1' },
      plain: { patients: 20, linesPerFile: 50, pollsUntilReady: 0, retryAfter: '1', gzip: false },
    },
    timeouts: { headers: 700, body: 700 },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  for (const server of Object.values(stack.servers)) {
    server.journal.length = 0;
    server.faults.clear();
  }
});

const files = (server = hospital) => server.journal.filter(({ route }) => route === 'file');
const answer = (status: number, body = '', headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, body, headers }) as const;

/** Requests for each file, by the path of its URL. */
function requestsPerFile(server = hospital): number[] {
  const counts = new Map<string, number>();
  for (const { url } of files(server)) {
    const path = url.replace(/\?.*/, '');
    counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return [...counts.values()];
}

const broken: [string, string, Fault][] = [
  ['hospital', 'a gzip stream that breaks', { kind: 'breakBody', afterBytes: 500 }],
  ['plain', 'a body that breaks', { kind: 'breakBody', afterBytes: 500 }],
  ['plain', 'a chunked body that breaks', { kind: 'breakBody', afterBytes: 500, contentLength: false }],
  ['plain', 'a chunked body that is cut in a line', { kind: 'truncate', afterBytes: 700, how: 'chunked' }],
  ['plain', 'a Content-Length that is too small', { kind: 'truncate', afterBytes: 700, how: 'contentLength' }],
  ['plain', 'a body cut by closing', { kind: 'truncate', afterBytes: 700, how: 'close' }],
  ['plain', 'a body that stalls', { kind: 'stall', afterBytes: 500 }],
  ['hospital', 'gzip that is corrupt', { kind: 'corruptGzip' }],
  ['hospital', 'gzip that is cut', { kind: 'cutGzip' }],
  ['hospital', 'an HTML page', answer(200, '<html>log in</html>', { 'Content-Type': 'text/html' })],
  [
    'hospital',
    'an HTML page that says it is NDJSON',
    answer(200, '<html>log in</html>', { 'Content-Type': 'application/fhir+ndjson' }),
  ],
  ['hospital', 'an OperationOutcome', answer(200, '{"resourceType":"OperationOutcome","issue":[]}\n')],
  ['hospital', 'an empty body', answer(200, '')],
  [
    'hospital',
    'lines of another type',
    {
      kind: 'transformFile',
      transform: (body) => body.toString().replaceAll(/"resourceType":"[A-Z]\w+"/g, '"resourceType":"Basic"'),
    },
  ],
  [
    'hospital',
    'invalid UTF-8',
    {
      kind: 'transformFile',
      transform: (body) => Buffer.concat([body.subarray(0, -2), Buffer.from([0xff]), body.subarray(-2)]),
    },
  ],
  ['hospital', 'one line less', { kind: 'transformFile', transform: (body) => body.subarray(body.indexOf('\n') + 1) }],
  ['hospital', 'an encoding that was not asked for', { kind: 'headers', set: { 'Content-Encoding': 'br' } }],
  ['hospital', 'HTTP 500', answer(500)],
  ['hospital', 'HTTP 429', answer(429, '', { 'Retry-After': '1' })],
  ['hospital', 'HTTP 404 right after the manifest', answer(404)],
  ['hospital', 'HTTP 401', answer(401)],
  ['hospital', 'a dropped connection', { kind: 'drop' }],
  ['hospital', 'silence', { kind: 'hang' }],
];

describe('a file that comes wrong is fetched again, and the others only once', () => {
  test.each(broken)('%s: %s', async (name, _, fault) => {
    const server = stack.servers[name] as SampleServer;
    server.faults.add({ route: 'file', skip: 2, do: fault });
    const report = await stack.run({ server: name });
    await expectExactFiles(report.location, server);
    // A wrong Content-Length can cost the connection as well.
    expect(Math.max(...requestsPerFile(server))).toBeLessThanOrEqual(3);
    expect(requestsPerFile(server).filter((count) => count > 1)).toHaveLength(1);
  });
});

describe('a file that stays wrong fails the run, and the others are whole', () => {
  test.each([
    [
      'a wrong count',
      { kind: 'transformFile', transform: (body: Buffer) => body.subarray(body.indexOf('\n') + 1) },
      3,
      /resources came, the manifest's count is/,
    ],
    ['a page', answer(200, '<html/>'), 3, /a page/],
    ['404', answer(404), 3, /HTTP 404/],
    ['400', answer(400), 1, /HTTP 400/],
    ['500', answer(500), 3, /HTTP 500/],
  ] as const)('%s', async (_, fault, requests, detail) => {
    hospital.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Condition'),
      times: Infinity,
      do: fault,
    });
    const started = await stack.start({ destination: { path: `bad-${requests}-${_.replaceAll(' ', '-')}` } });
    await expect(started.result()).rejects.toMatchObject({
      cause: { type: 'IncompleteExport', message: expect.stringMatching(detail) },
    });
    const location = join(stack.folder, `bad-${requests}-${_.replaceAll(' ', '-')}`);
    const names = await readdir(location);
    expect(names).not.toContain('manifest.json');
    expect(names).toContain('Patient.00001.ndjson');
    expect(names.filter((name) => name.startsWith('Condition'))).toEqual([]);
    const missing = JSON.parse(await readFile(join(location, '.export/missing.json'), 'utf8')) as {
      name: string;
      why: string;
    }[];
    expect(missing.every(({ name, why }) => name.startsWith('Condition') && detail.test(why))).toBe(true);
    expect(hospital.journal.filter(({ route }) => route === 'delete')).toHaveLength(0);
    expect(Math.min(...requestsPerFile().filter((count) => count > 1 || requests === 1))).toBeGreaterThanOrEqual(
      requests === 1 ? 1 : 2,
    );

    // The same request with the same path goes on where it was.
    hospital.faults.clear();
    hospital.journal.length = 0;
    const report = await stack.run({ destination: { path: location.slice(stack.folder.length + 1) } });
    expect(report.warnings).toEqual([]);
    await expectExactFiles(report.location, hospital);
    expect(files().every(({ url }) => url.includes('Condition'))).toBe(true);
    expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(0);
  });
});

test('a finished file that somebody removed is fetched again by the run that goes on', async () => {
  const request = { destination: { path: 'removed' } };
  const isCondition = ({ url }: { url: string }): boolean => url.includes('Condition');
  hospital.faults.add({ route: 'file', match: isCondition, times: Infinity, do: answer(400) });
  expect(await stack.fail(request)).toMatchObject({ code: 'IncompleteExport' });
  await rm(join(stack.folder, 'removed/Patient.00001.ndjson'));
  hospital.faults.clear();
  hospital.journal.length = 0;
  const report = await stack.run(request);
  await expectExactFiles(report.location, hospital);
  expect(
    files()
      .filter((entry) => !isCondition(entry))
      .map(({ url }) => url),
  ).toEqual([expect.stringContaining('Patient.1.')]);
});

describe('a file is not fetched for ever from a server that sends a strong ETag', () => {
  const transform = (body: Buffer) =>
    body.toString().replaceAll('"resourceType":"Condition"', '"resourceType":"Basic"');
  const wrong: Fault = { kind: 'transformFile', transform };
  const isFirst = ({ url }: { url: string }): boolean => url.includes('Condition.1.');

  async function failed(): Promise<number> {
    const { code } = await stack.fail({ server: 'plain' });
    expect(code).toBe('IncompleteExport');
    return files(stack.servers['plain']).filter(isFirst).length;
  }

  test('when its content stays wrong', async () => {
    stack.servers['plain']?.faults.add({ route: 'file', match: isFirst, times: Infinity, do: wrong });
    expect(await failed()).toBe(3);
  });

  test('when transfers that break off come between', async () => {
    const { faults } = stack.servers['plain'] as SampleServer;
    // Seen at the end only, when the transfer has been resumed.
    const short: Fault = { kind: 'transformFile', transform: (body) => body.subarray(body.indexOf('\n') + 1) };
    faults.add({ route: 'file', match: isFirst, times: Infinity, do: short });
    let requests = 0;
    const breaks = (entry: { url: string }): boolean => isFirst(entry) && requests++ % 2 === 0;
    faults.add({ route: 'file', match: breaks, times: Infinity, do: { kind: 'breakBody', afterBytes: 3000 } });
    expect(await failed()).toBe(6);
  });

  test('when each transfer brings a few bytes', async () => {
    const few: Fault = { kind: 'breakBody', afterBytes: 20 };
    stack.servers['plain']?.faults.add({ route: 'file', match: isFirst, times: Infinity, do: few });
    const requests = await failed();
    // For the time that an outage may last, with growing pauses.
    expect(requests).toBeGreaterThan(3);
    expect(requests).toBeLessThan(30);
  });
});

test('links that expire are renewed by reading the manifest again', async () => {
  hospital.faults.add({ route: 'file', skip: 3, do: { kind: 'expireFileUrls', status: 403 } });
  const report = await stack.run({});
  await expectExactFiles(report.location, hospital);
  expect(files().some(({ status }) => status === 403)).toBe(true);
});

test('links that expire while their files wait for another reason are renewed, too', async () => {
  const all = 16;
  const tried = new Set<string>();
  const isFirst = ({ url }: { url: string }): boolean => tried.size < tried.add(url).size;
  hospital.faults.add({ route: 'file', match: isFirst, times: all, do: answer(500, '', { 'Retry-After': '2' }) });
  const started = await stack.start({});
  await expect.poll(() => files().filter(({ status }) => status === 500).length, { timeout: 15_000 }).toBe(all);
  hospital.expireFileUrls(403);
  const report = await started.result();
  await expectExactFiles(report.location, hospital);
  expect(files().filter(({ status }) => status === 403).length).toBeGreaterThan(0);
});

test('links that expire after the job is gone: ExportExpired', async () => {
  hospital.faults.add({ route: 'file', skip: 3, times: Infinity, do: answer(410) });
  hospital.faults.add({ route: 'status', skip: 1, times: Infinity, do: answer(410) });
  expect(await stack.fail({})).toMatchObject({
    code: 'ExportExpired',
    message: expect.stringMatching(/\d of \d+ files were fetched/),
  });
});

test('past Expires an outage is not the end: the manifest is read again, and its new Expires holds', async () => {
  let readings = 0;
  const expires = (): string => new Date(Date.now() + (readings++ === 0 ? 2000 : 3_600_000)).toUTCString();
  hospital.faults.add({ route: 'status', times: Infinity, do: { kind: 'headers', set: { Expires: expires } } });
  // The second round of refusals comes when the first Expires has passed.
  hospital.faults.add({ route: 'file', skip: 1, times: 5, do: answer(503, '', { 'Retry-After': '2' }) });
  const report = await stack.run({});
  await expectExactFiles(report.location, hospital);
  expect(hospital.journal.filter(({ route }) => route === 'status').length).toBeGreaterThan(1);
});

test('links that expire sooner than the pace allows are told of', async () => {
  hospital.faults.add({
    route: 'status',
    times: Infinity,
    do: { kind: 'headers', set: { Expires: () => new Date(Date.now() + 1500).toUTCString() } },
  });
  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'delay', ms: 350 } });
  const report = await stack.run({});
  expect(report.warnings.map(({ code }) => code)).toContain('LinksExpireSoon');
});

test('gzip of several members is read to its end', async () => {
  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'gzipMembers' } });
  await expectExactFiles((await stack.run({})).location, hospital);
});

test('a redirect to another origin is followed', async () => {
  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'redirect', to: 'other' } });
  await expectExactFiles((await stack.run({})).location, hospital);
  expect(
    files().filter(({ origin, headers }) => origin === 'other' && headers.authorization === undefined).length,
  ).toBeGreaterThan(3);
});

test('a busy file server is left alone for as long as it asks', async () => {
  hospital.faults.add({ route: 'file', skip: 4, times: 3, do: answer(503, '', { 'Retry-After': '2' }) });
  await expectExactFiles((await stack.run({})).location, hospital);
  const refused = files().filter(({ status }) => status === 503);
  for (const { at, url } of refused) {
    const next = files().find((entry) => entry.url === url && entry.at > at);
    expect((next?.at ?? 0) - at).toBeGreaterThanOrEqual(2000);
  }
});

test('counts that the manifest does not give are not missed', async () => {
  const bare = await startStack({
    servers: {
      bare: { version: 4, countInManifest: false, fileSizeInManifest: false, patients: 10, pollsUntilReady: 0 },
    },
  });
  try {
    await expectExactFiles((await bare.run({})).location, bare.servers['bare'] as SampleServer);
  } finally {
    await bare.close();
  }
});

test('organised output: header lines are not resources, and files need no type', async () => {
  const report = await stack.run({ parameters: { organizeOutputBy: 'Patient' } });
  expect(report.status).toBe('complete');
  expect(report.byType['Resource']?.resources).toBe(
    hospital.expectedFiles().reduce((sum, file) => sum + (file as { resources?: number; lines: number }).resources!, 0),
  );
  expect((await readdir(report.location)).some((name) => name.startsWith('OrganizedByPatient.00001'))).toBe(true);
});
