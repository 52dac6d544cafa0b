import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 20, linesPerFile: 50, pollsUntilReady: 0, retryAfter: '1' },
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

test('links that expire are renewed by reading the manifest again', async () => {
  hospital.faults.add({ route: 'file', skip: 3, do: { kind: 'expireFileUrls', status: 403 } });
  const report = await stack.run({});
  await expectExactFiles(report.location, hospital);
  expect(files().some(({ status }) => status === 403)).toBe(true);
});

test('a manifest that is being made again is waited for', async () => {
  hospital.faults.add({ route: 'file', skip: 3, do: { kind: 'expireFileUrls', status: 403 } });
  // As often as an answer that is none may come.
  hospital.faults.add({ route: 'status', skip: 1, times: 3, do: answer(202) });
  await expectExactFiles((await stack.run({})).location, hospital);
  expect(hospital.journal.filter(({ route }) => route === 'status').map(({ status }) => status)).toEqual([
    200, 202, 202, 202, 200,
  ]);
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
