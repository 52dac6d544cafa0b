import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

interface Bundle {
  entry: { request: { url: string } }[];
}

let stack: Stack;
const FAST = { pollsUntilReady: 1, retryAfter: '1', patients: 20, linesPerFile: 100 };

beforeAll(async () => {
  stack = await startStack({
    servers: {
      v2: { ...FAST, version: 2 },
      v3: { ...FAST, version: 3 },
      proud: { ...FAST, version: 4, messages: [{ severity: 'success', code: 'informational', text: 'all is done' }] },
      talkative: {
        ...FAST,
        version: 3,
        messages: [
          { severity: 'warning', code: 'suppressed', text: 'Data of patient Ñandú was withheld' },
          { severity: 'information', code: 'informational', text: 'All is well' },
        ],
      },
    },
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

test('issues of error files are counted in the report, their texts stay at the destination', async () => {
  const report = await stack.run({ server: 'talkative' });
  expect(report.status).toBe('complete-with-issues');
  expect(report.issues).toEqual(
    expect.arrayContaining([
      { severity: 'warning', code: 'suppressed', count: 1 },
      { severity: 'information', code: 'informational', count: 1 },
    ]),
  );
  expect(JSON.stringify(report)).not.toContain('Ñandú');
  expect(await readFile(join(report.location, 'error/summary.json'), 'utf8')).toContain('Ñandú');
});

test('a parameter that the server ignores, and a type without a file, are warnings', async () => {
  const report = await stack.run({
    server: 'v3',
    prefer: ['handling=lenient'],
    parameters: { _type: 'Patient,Goal', _unheardOf: 'x' },
  });
  expect(report.warnings).toEqual(
    expect.arrayContaining([
      { code: 'ParameterIgnored', message: 'The server says that it ignores _unheardOf.' },
      { code: 'TypeWithoutFile', message: expect.stringMatching(/^Goal: /) },
    ]),
  );
});

test('an export that brings nothing says so', async () => {
  const nobody = { _typeFilter: ['Patient?family=Nobody'], _type: 'Patient' };
  const group = await stack.run({ server: 'v3', level: 'group', groupId: 'diabetes', parameters: nobody });
  const all = await stack.run({ server: 'v3', parameters: { _since: '2900-01-01T00:00:00Z' } });
  const types = await stack.run({ server: 'v3', parameters: nobody });
  expect([group, all, types].map(({ files }) => files)).toEqual([0, 0, 0]);
  expect([group, all, types].map(({ warnings }) => warnings.map(({ code }) => code))).toEqual([
    ['NothingExported', 'TypeWithoutFile'],
    ['NothingExported'],
    ['TypeWithoutFile'],
  ]);
});

test('after success no signature of a link is left on disk', async () => {
  const report = await stack.run({ server: 'v3' });
  const { url } = requests('v3', 'file')[0] as { url: string };
  const signature = /sig=([^&]+)/.exec(url)?.[1] as string;
  const texts = await Promise.all(
    ['pages/00001.body.json', 'entries/00000.json', 'job.json'].map((name) =>
      readFile(join(report.location, '.export', name), 'utf8'),
    ),
  );
  expect(texts.join('')).not.toContain(signature);
});

test('every entry of a deleted Bundle is counted, several to a line too', async () => {
  server('v2').change({ deleted: 2 });
  const report = await stack.run({ server: 'v2', parameters: { _since: '2026-01-01T00:00:00Z' } });
  const lines = (await readFile(join(report.location, 'deleted/Bundle.00001.ndjson'), 'utf8')).trimEnd().split('\n');
  const entries = lines.map((line) => (JSON.parse(line) as { entry: unknown[] }).entry.length);
  expect(Math.max(...entries)).toBeGreaterThan(1);
  const total = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0);
  expect(total(Object.values(report.deletions))).toBe(total(entries));
  expect(report.deletions['Patient']).toBe(2);
  // A line for each, in the order of the Bundles.
  const urls = lines.flatMap((line) => (JSON.parse(line) as Bundle).entry.map(({ request }) => request.url));
  const listed = (await readFile(join(report.location, 'deletions.ndjson'), 'utf8')).trimEnd().split('\n');
  const deletions = listed.map((line) => JSON.parse(line) as { type: string; id: string; time: string });
  expect(deletions.map(({ type, id }) => `${type}/${id}`)).toEqual(urls);
  for (const { time } of deletions) expect(Date.parse(time)).toBeLessThanOrEqual(Date.parse(report.transactionTime));
  const { deletions: none } = await stack.run({
    server: 'v2',
    parameters: { _type: 'Patient' },
    destination: { path: 'no-deletions' },
  });
  expect(none).toEqual({});
  expect(await readdir(join(stack.folder, 'no-deletions'))).not.toContain('deletions.ndjson');
});

test('messages of severity success are counted and are no problem', async () => {
  const { status, issues } = await stack.run({ server: 'proud', parameters: { _type: 'Patient' } });
  expect(status).toBe('complete');
  expect(issues).toEqual([{ severity: 'success', code: 'informational', count: 1 }]);
});

test('output that ignores filters is taken all the same', async () => {
  const keep = { server: 'v3', keepServerFiles: true };
  await stack.run({ parameters: { _type: 'Patient' }, ...keep });
  const { statusUrl } = server('v3').jobs().at(-1) as { statusUrl: string };
  server('v3').faults.add({
    route: 'kickOff',
    do: { kind: 'answer', status: 202, headers: { 'Content-Location': statusUrl } },
  });
  const filters = { _since: '2026-01-01T00:00:00Z', _elements: 'id', _typeFilter: 'Patient?gender=other' };
  const report = await stack.run({ ...keep, parameters: { _type: 'Patient', ...filters } });
  expect(report.byType).toMatchObject({ Patient: { resources: FAST.patients } });
  await expectExactFiles(report.location, server('v3'), server('v3').jobs().at(-1)?.id);
});
