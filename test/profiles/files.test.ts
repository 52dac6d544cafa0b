import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportRequest } from '../../src/contract.ts';
import type { GivenServer } from '../support/given-server.ts';
import { givenPage, startGivenServer } from '../support/given-server.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let aidbox: GivenServer;

beforeAll(async () => {
  const options = { patients: 5, pollsUntilReady: 0, retryAfter: '1' } as const;
  stack = await startStack({
    servers: { counting: options, late: options, never: options, slot: options },
    entries: {
      counting: { maxDownloadsPerFile: 2 },
      late: { fileLagSeconds: 600 },
      never: { fileLagSeconds: 1 },
      slot: { deleteFreesSlot: true },
    },
    // The lag alone ends what is tried here.
    limits: { ...SHORT_LIMITS, outage: 120_000 },
    workers: false,
  });
  aidbox = await startGivenServer();
  stack.config.servers['aidbox'] = serverEntry(aidbox.origin, { profile: 'aidbox' });
  stack.config.servers['plain'] = serverEntry(aidbox.origin);
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await aidbox.close();
});
beforeEach(() => {
  aidbox.asked.length = 0;
});

const server = (name: string) => stack.servers[name] as SampleServer;
const asked = (name: string) => server(name).journal.filter(({ route }) => route === 'file').length;
const SMALL = { parameters: { _type: 'Patient' } };
const answer = (status: number) => ({ kind: 'answer', status, body: '' }) as const;

describe('a server that counts downloads', () => {
  const request = (path: string) => ({ server: 'counting', ...SMALL, destination: { path } });
  const kickOffs = () => server('counting').journal.filter(({ route }) => route === 'kickOff').length;
  const cut = { kind: 'breakBody', afterBytes: 500 } as const;

  beforeEach(() => {
    server('counting').faults.clear();
    server('counting').journal.length = 0;
  });

  test('does not count those that brought nothing: an outage uses up none', async () => {
    const { faults } = server('counting');
    faults.add({ route: 'file', times: 4, do: answer(503) });
    faults.add({ route: 'file', skip: 4, times: 2, do: { kind: 'drop' } });
    expect((await stack.run(request('outage'))).status).toBe('complete');
    expect(asked('counting')).toBe(7);
  });

  test('is asked for a file no more often than it allows; the next run kicks off anew', async () => {
    server('counting').faults.add({ route: 'file', times: Infinity, do: cut });
    const failure = await stack.fail(request('counted'));
    expect(failure.message).toContain('the server allows 2 downloads of a file, and as many were begun');
    expect(failure.code).toBe('IncompleteExport');
    expect([asked('counting'), kickOffs()]).toEqual([2, 1]);
    server('counting').faults.clear();
    const report = await stack.run(request('counted'));
    expect(report.warnings).toContainEqual(expect.objectContaining({ code: 'JobRestarted' }));
    expect([asked('counting'), kickOffs()]).toEqual([3, 2]);
  });

  test('is not asked a second time by the same attempt when a rest cannot be had', async () => {
    const { faults } = server('counting');
    faults.add({ route: 'file', do: cut });
    faults.add({ route: 'file', skip: 1, times: Infinity, do: answer(416) });
    expect((await stack.fail(request('broken'))).code).toBe('IncompleteExport');
    expect(asked('counting')).toBe(2);
  });
});

test('files that are not there yet are waited for', async () => {
  server('late').faults.add({ route: 'file', times: 5, do: answer(404) });
  const report = await stack.run({ server: 'late', ...SMALL });
  expect(report).toMatchObject({ status: 'complete', fetchedAgain: { outage: 5 } });
  expect(server('late').journal.filter(({ route }) => route === 'status')).toHaveLength(1);
});

test('files that never come are given up', async () => {
  server('never').faults.add({ route: 'file', times: Infinity, do: answer(404) });
  expect((await stack.fail({ server: 'never', ...SMALL })).code).toBe('IncompleteExport');
});

test('a DELETE that fails says that the server may refuse the next export', async () => {
  server('slot').faults.add({ route: 'delete', times: Infinity, do: answer(500) });
  const { warnings } = await stack.run({ server: 'slot', ...SMALL });
  expect(warnings).toEqual([
    {
      code: 'DeleteFailed',
      message: expect.stringContaining('until it is deleted, this server may refuse the next export'),
    },
  ]);
});

describe('files that are gzip themselves are stored unpacked', () => {
  const text = '{"resourceType":"Patient","id":"1"}\n{"resourceType":"Patient","id":"2"}\n';
  const format = 'application/fhir+ndjson+gzip';

  test.each<[string, string, Partial<ExportRequest>]>([
    ['where the server has that format', 'aidbox', { parameters: { _outputFormat: format } }],
    ['where a list names it', 'aidbox', { parameters: { _outputFormat: [format] as unknown as typeof format } }],
    ['where another format was asked for', 'aidbox', { parameters: { _outputFormat: 'ndjson' } }],
    ['where the format was left out', 'plain', { parameters: { _outputFormat: format }, prefer: ['handling=lenient'] }],
  ])('%s', async (name, server, more) => {
    aidbox.files = { 'f/1.gz': gzipSync(text) };
    aidbox.pages = [givenPage({ output: [{ type: 'Patient', url: `${aidbox.origin}/f/1.gz`, count: 2 }] })];
    const path = name.replaceAll(' ', '-');
    const report = await stack.run({ server, ...more, destination: { path } });
    expect(report.byType).toEqual({ Patient: { files: 1, resources: 2, bytes: text.length } });
    expect(await readFile(join(stack.folder, path, 'Patient.00001.ndjson'), 'utf8')).toBe(text);
  });

  test('and so are plain ones that a server sends instead', async () => {
    aidbox.files = { 'f/1.gz': text };
    const { byType } = await stack.run({ server: 'aidbox', parameters: { _outputFormat: format } });
    expect(byType).toEqual({ Patient: { files: 1, resources: 2, bytes: text.length } });
  });

  test('the format is refused elsewhere', async () => {
    const refused = await stack.fail({ server: 'plain', parameters: { _outputFormat: format } });
    expect(refused.message).toContain(`parameters._outputFormat: this server has no format ${format}`);
  });
});

test('a packed file that is cut is noticed', async () => {
  aidbox.files = { 'f/1.gz': gzipSync('{"resourceType":"Patient","id":"1"}\n').subarray(0, -6) };
  const failure = await stack.fail({
    server: 'aidbox',
    parameters: { _outputFormat: 'application/fhir+ndjson+gzip' },
  });
  expect(failure.message).toContain('the gzip stream is broken or cut');
});
