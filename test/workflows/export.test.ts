import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ExportRequest } from '../../src/contract.ts';
import { expectExactFiles, readLocalManifest } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
const FAST = { pollsUntilReady: 1, retryAfter: '1', patients: 20, linesPerFile: 100 };

beforeAll(async () => {
  stack = await startStack({
    servers: {
      v1: { ...FAST, version: 1 },
      v2: { ...FAST, version: 2 },
      v3: { ...FAST, version: 3 },
      v4: { ...FAST, version: 4 },
      posted: { ...FAST, version: 2 },
      paged: { ...FAST, version: 3, pageSize: 4 },
      elsewhere: { ...FAST, version: 3, filesOrigin: 'other', gzip: false },
    },
    entries: { posted: { kickOffMethod: 'post', headers: { 'X-Client': 'tests' } } },
  });
});
afterAll(() => stack.close());
beforeEach(() => {
  for (const server of Object.values(stack.servers)) {
    server.journal.length = 0;
    server.faults.clear();
  }
});

const server = (name: string) => stack.servers[name] as NonNullable<Stack['servers'][string]>;
const requests = (name: string, route: string) => server(name).journal.filter((entry) => entry.route === route);

describe('an export of every manifest version and level is complete, byte for byte', () => {
  const levels: Partial<ExportRequest>[] = [
    { level: 'system' },
    { level: 'patient' },
    { level: 'group', groupId: 'diabetes' },
  ];
  const cases = ['v1', 'v2', 'v3', 'v4', 'posted', 'paged'].flatMap((name) =>
    levels.map((level) => [name, level] as const),
  );

  test.concurrent.each(cases)('%s %o', async (name, level) => {
    const report = await stack.run({ ...level, server: name });
    expect(report.status).toBe('complete');
    expect(report.warnings).toEqual([]);
    const job = server(name)
      .jobs()
      .find(({ transactionTime }) => transactionTime === report.transactionTime);
    await expectExactFiles(report.location, server(name), job?.id);
    const manifest = await readLocalManifest(report.location);
    expect(report.files).toBe(manifest.output.length);
    expect(report.resources).toBe(manifest.output.reduce((sum, { count }) => sum + count, 0));
    expect(report.bytes).toBe(manifest.output.reduce((sum, { fileSize }) => sum + fileSize, 0));
    expect(job?.state).toBe('deleted');
  });
});

test('the order of requests: one kick-off, polls, each file once, DELETE last', async () => {
  await stack.run({ server: 'v3' });
  const routes = server('v3').journal.map(({ route }) => route);
  expect(routes.filter((route) => route === 'kickOff')).toHaveLength(1);
  expect(routes.at(-1)).toBe('delete');
  const files = requests('v3', 'file').map(({ url }) => url);
  expect(new Set(files).size).toBe(files.length);
  expect(server('v3').journal.every(({ headers }) => headers.authorization === undefined)).toBe(true);
});

test('headers of the kick-off, of polls and of files are those that the IG asks for', async () => {
  await stack.run({ server: 'v3', prefer: ['handling=lenient', 'separate-export-status'] });
  const [kickOff] = requests('v3', 'kickOff');
  expect(kickOff?.headers['accept']).toBe('application/fhir+json');
  expect(kickOff?.headers['prefer']).toBe('respond-async, handling=lenient, separate-export-status');
  expect(requests('v3', 'status').every(({ headers }) => headers['accept'] === 'application/json')).toBe(true);
  for (const { headers } of requests('v3', 'file')) {
    expect(headers['accept']).toBe('application/fhir+ndjson');
    expect(headers['accept-encoding']).toContain('gzip');
  }
  const others = server('v3').journal.filter(({ route }) => route !== 'file');
  expect(others.map(({ route }) => route)).toEqual(expect.arrayContaining(['metadata', 'kickOff', 'status', 'delete']));
  expect(new Set(others.map(({ headers }) => headers['accept-encoding']))).toEqual(new Set(['identity']));
});

test('the status URL is asked exactly as the server gave it', async () => {
  await stack.run({ server: 'v3' });
  const [first, ...others] = requests('v3', 'status').map(({ url }) => url);
  expect(first).toMatch(/%2F/);
  expect(new Set(others)).toEqual(new Set([first]));
});

test('parameters select data: by GET, percent-encoded', async () => {
  const report = await stack.run({
    server: 'v3',
    parameters: {
      _type: ['Patient', 'Observation'],
      _typeFilter: ['Observation?status=final,amended'],
      _since: '2020-01-01T00:00:00+01:00',
    },
  });
  const [kickOff] = requests('v3', 'kickOff');
  expect(kickOff?.method).toBe('GET');
  expect(kickOff?.url).toContain('_since=2020-01-01T00%3A00%3A00%2B01%3A00');
  expect(kickOff?.url).toContain('_typeFilter=Observation%3Fstatus%3Dfinal%2Camended');
  expect(Object.keys(report.byType).sort()).toEqual(['Observation', 'Patient']);
  await expectExactFiles(report.location, server('v3'));
});

test('manifest.json names the kick-off as it was sent: a GET with its parameters, a POST without', async () => {
  const parameters = { _type: ['Patient'], _since: '2020-01-01T00:00:00+01:00' };
  const requestOf = async (name: string) => {
    const { location } = await stack.run({ server: name, level: 'patient', parameters });
    return (await readLocalManifest(location)).request;
  };
  const { origin } = new URL(server('v3').baseUrl);
  expect(await requestOf('v3')).toBe(`${origin}${requests('v3', 'kickOff')[0]?.url}`);
  expect(await requestOf('v3')).toContain('/Patient/$export?_type=Patient&_since=2020-01-01T00%3A00%3A00%2B01%3A00');
  expect(await requestOf('posted')).toBe(`${server('posted').baseUrl}/Patient/$export`);
});

test('patient is sent by POST, as references', async () => {
  const report = await stack.run({ server: 'v3', level: 'patient' });
  const patients = (await readFile(join(report.location, 'Patient.00001.ndjson'), 'utf8'))
    .split('\n')
    .slice(0, 2)
    .map((line) => (JSON.parse(line) as { id: string }).id);
  server('v3').journal.length = 0;
  const some = await stack.run({ server: 'v3', level: 'patient', parameters: { patient: patients, _type: 'Patient' } });
  const [kickOff] = requests('v3', 'kickOff');
  expect(kickOff?.method).toBe('POST');
  expect(kickOff?.headers['content-type']).toBe('application/fhir+json');
  expect(JSON.parse(kickOff?.body ?? '')).toMatchObject({
    resourceType: 'Parameters',
    parameter: expect.arrayContaining([{ name: 'patient', valueReference: { reference: `Patient/${patients[0]}` } }]),
  });
  expect(some.byType['Patient']?.resources).toBe(2);
});

test('an incremental export brings deletions, counted by type', async () => {
  const first = await stack.run({ server: 'v2' });
  server('v2').change({ updated: 2, deleted: 1 });
  const second = await stack.run({ server: 'v2', parameters: { _since: first.transactionTime } });
  expect(second.deletions['Patient']).toBe(1);
  expect(second.byType['Patient']?.resources).toBe(2);
  await expectExactFiles(second.location, server('v2'));
});

test('nothing matches: an export without files is a success with its transactionTime', async () => {
  const report = await stack.run({ server: 'v4', parameters: { _since: '2200-01-01T00:00:00Z' } });
  expect(report).toMatchObject({ files: 0, resources: 0, status: 'complete' });
  expect(report.transactionTime).toMatch(/^20/);
  expect((await readLocalManifest(report.location)).output).toEqual([]);
});

test('files on another origin are fetched, without our headers', async () => {
  stack.config.servers['elsewhere']!.headers = { 'X-Client': 'tests' };
  const report = await stack.run({ server: 'elsewhere' });
  await expectExactFiles(report.location, server('elsewhere'));
  expect(
    requests('elsewhere', 'file').every(
      ({ origin, headers }) => origin === 'other' && headers['x-client'] === undefined,
    ),
  ).toBe(true);
  expect(requests('elsewhere', 'status').every(({ headers }) => headers['x-client'] === 'tests')).toBe(true);
});

test('keepServerFiles leaves the job alone', async () => {
  const report = await stack.run({ server: 'v3', keepServerFiles: true });
  expect(requests('v3', 'delete')).toHaveLength(0);
  // Its status URL may be a signed one, and nobody asks for it any more.
  const job = JSON.parse(await readFile(join(report.location, '.export/job.json'), 'utf8')) as { statusUrl: string };
  expect(job.statusUrl).toMatch(/\?…$/);
});

test('the default path is the workflow id, encoded, and the first run id', async () => {
  const started = await stack.start({ server: 'v3', parameters: { _type: 'Organization' } }, 'nightly/hospital a');
  const report = await started.result();
  expect(report.location).toBe(join(stack.folder, 'nightly%2Fhospital%20a', (await started.handle.describe()).runId));
});

test('the memo says where the files are and of which time, also when no worker runs', async () => {
  const started = await stack.start({ server: 'v3' });
  const { location, transactionTime } = await started.result();
  expect((await started.handle.describe()).memo).toEqual({ location, transactionTime });
});

test('search attributes, current details and the progress query tell where the export is', async () => {
  const started = await stack.start({ server: 'v3' });
  await started.result();
  const { searchAttributes } = await started.handle.describe();
  expect(searchAttributes).toMatchObject({
    FhirServer: ['v3'],
    ExportPhase: ['complete'],
    ExportLevel: ['system'],
    ExportOutcome: ['complete'],
  });
  const progress = await started.progress();
  expect(progress).toMatchObject({ phase: 'complete', server: 'v3', files: { failed: 0, waiting: 0, running: 0 } });
  expect(progress.files?.done).toBe(progress.files?.total);
  const metadata = await started.handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(metadata.currentDetails).toContain('Files: **');
  const { byType } = await started.result();
  const [type, { resources }] = Object.entries(byType).toSorted(([, a], [, b]) => b.resources - a.resources)[0]!;
  expect(metadata.currentDetails).toContain(`By type: ${type} ${resources}, `);
});
