import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportPhase } from '../../src/contract.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 30, pollsUntilReady: 0, retryAfter: '60', throttleBytesPerSecond: 20_000, gzip: false },
    },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const deletes = () => hospital.journal.filter(({ route }) => route === 'delete');

async function inPhase(started: StartedExport, phase: ExportPhase): Promise<void> {
  await expect.poll(async () => (await started.progress()).phase, { timeout: 15_000, interval: 100 }).toBe(phase);
}

async function cancelled(started: StartedExport): Promise<number> {
  const before = Date.now();
  await started.cancel();
  expect((await failureOf(started.result())).code).toBe('Cancelled');
  expect((await started.handle.describe()).status.name).toBe('CANCELLED');
  return Date.now() - before;
}

describe('invariant 12: cancelling cleans up', () => {
  test('during the kick-off: its answer is waited for, because only it names the job to be deleted', async () => {
    hospital.faults.add({ route: 'kickOff', do: { kind: 'delay', ms: 3000 } });
    const started = await stack.start({});
    await inPhase(started, 'kick-off');
    await expect.poll(() => hospital.journal.some(({ route }) => route === 'kickOff'), { timeout: 10_000 }).toBe(true);
    await cancelled(started);
    expect(deletes()).toHaveLength(1);
    expect(hospital.jobs().at(-1)?.state).toBe('deleted');
  });

  test('while waiting for the server', async () => {
    hospital.faults.add({
      route: 'status',
      times: Infinity,
      do: { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } },
    });
    const started = await stack.start({});
    await inPhase(started, 'waiting');
    expect(await cancelled(started)).toBeLessThan(5000);
    expect(deletes()).toHaveLength(1);
  });

  test('during downloads: they stop within seconds, parts are removed, whole files stay', async () => {
    const started = await stack.start({});
    await inPhase(started, 'downloading');
    await expect.poll(async () => (await started.progress()).files?.done ?? 0, { timeout: 20_000 }).toBeGreaterThan(0);
    const { location } = await started.progress();
    expect(await cancelled(started)).toBeLessThan(6000);
    const requests = hospital.journal.length;
    expect(hospital.journal.at(-1)?.route).toBe('delete');
    const names = await readdir(location as string);
    expect(names).not.toContain('manifest.json');
    expect(names.some((name) => name.endsWith('.ndjson'))).toBe(true);
    expect(await readdir(`${location}/.export`)).not.toContain('parts');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(hospital.journal).toHaveLength(requests);
  });

  test('DELETE that the server does not take delays the end only for a while', async () => {
    hospital.faults.add({
      route: 'status',
      times: Infinity,
      do: { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } },
    });
    hospital.faults.add({ route: 'delete', times: Infinity, do: { kind: 'answer', status: 503 } });
    const started = await stack.start({});
    await inPhase(started, 'waiting');
    expect(await cancelled(started)).toBeLessThan(10_000);
    expect(deletes().length).toBeGreaterThan(1);
  });
});

test('the deadline: the job is deleted, and the code says so', async () => {
  hospital.faults.add({
    route: 'status',
    times: Infinity,
    do: { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } },
  });
  const failure = await stack.fail({ deadline: 'PT3S' });
  expect(failure).toMatchObject({ code: 'DeadlineExceeded', message: expect.stringContaining('PT3S') });
  expect(deletes()).toHaveLength(1);
});

test('a cancelled export is started again from the beginning, in the same folder', async () => {
  const destination = { path: 'again' };
  hospital.faults.add({ route: 'status', do: { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } } });
  const started = await stack.start({ destination, parameters: { _type: 'Organization' } });
  await expect.poll(async () => (await started.progress()).polls, { timeout: 15_000 }).toBe(1);
  await cancelled(started);
  const report = await stack.run({ destination, parameters: { _type: 'Organization' } });
  expect(report.status).toBe('complete');
  expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(2);
});

test.each([
  [404, undefined],
  [410, undefined],
  [204, undefined],
  [405, 'DeleteUnsupported'],
  [500, 'DeleteFailed'],
])('DELETE after success answered by %i leaves the export complete', async (status, warning) => {
  hospital.faults.add({ route: 'delete', times: Infinity, do: { kind: 'answer', status } });
  const report = await stack.run({ parameters: { _type: 'Organization' } });
  expect(report.warnings.map(({ code }) => code)).toEqual(warning === undefined ? [] : [warning]);
});

test.each([
  ['sent again', { kind: 'answer', status: 503, headers: { 'Retry-After': '3' } }, ['DeleteFailed']],
  ['answered', { kind: 'delay', ms: 4000 }, []],
] as const)(
  'an export whose folder is taken away before the DELETE is %s is complete',
  async (path, fault, warnings) => {
    hospital.faults.add({ route: 'delete', do: fault });
    const started = await stack.start({ destination: { path }, parameters: { _type: 'Organization' } });
    await expect.poll(() => deletes().length, { timeout: 30_000 }).toBe(1);
    await rm(join(stack.folder, path), { recursive: true });
    const report = await started.result();
    expect([report.status, report.warnings.map(({ code }) => code)]).toEqual(['complete', warnings]);
  },
);
