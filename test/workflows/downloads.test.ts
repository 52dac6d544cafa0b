import { readdir } from 'node:fs/promises';
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

test('organised output: header lines are not resources, and files need no type', async () => {
  const report = await stack.run({ parameters: { organizeOutputBy: 'Patient' } });
  expect(report.status).toBe('complete');
  expect(report.byType['Resource']?.resources).toBe(
    hospital.expectedFiles().reduce((sum, file) => sum + (file as { resources?: number; lines: number }).resources!, 0),
  );
  expect((await readdir(report.location)).some((name) => name.startsWith('OrganizedByPatient.00001'))).toBe(true);
});

test('a file may have any other Content-Type or none; nothing in it is followed, neither references nor attachments', async () => {
  const types = ['application/octet-stream', 'binary/octet-stream', 'application/json;charset=UTF-8', null];
  for (const [skip, type] of types.entries()) {
    hospital.faults.add({ route: 'file', skip, do: { kind: 'headers', set: { 'Content-Type': type } } });
  }
  const { location, byType } = await stack.run({});
  await expectExactFiles(location, hospital);
  expect(byType['DocumentReference']?.resources).toBeGreaterThan(0);
  const { journal } = hospital;
  expect(new Set(journal.map(({ route }) => route))).toEqual(
    new Set(['metadata', 'kickOff', 'status', 'file', 'delete']),
  );
  expect(journal.filter(({ route }) => route === 'file')).toHaveLength(hospital.expectedFiles().length);
});
