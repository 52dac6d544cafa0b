import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 10, pollsUntilReady: 0, retryAfter: '1' } } });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const SMALL = { parameters: { _type: 'Patient' } };
const slow = { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } } as const;

describe('the same request with the same path continues an export that ended early', () => {
  test('its job is polled on, nothing is kicked off again', async () => {
    hospital.faults.add({ route: 'status', do: slow });
    const first = await stack.start({ ...SMALL, destination: { path: 'adopted' } });
    await expect.poll(async () => (await first.progress()).polls, { timeout: 60_000 }).toBe(1);
    await first.handle.terminate();
    const report = await stack.run({ ...SMALL, destination: { path: 'adopted' } });
    expect(report.warnings).toEqual([]);
    await expectExactFiles(report.location, hospital);
    expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(1);
  });

  test('if that job is gone, one fresh kick-off with a warning, and no file of the old one', async () => {
    hospital.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Condition'),
      times: Infinity,
      do: { kind: 'answer', status: 400 },
    });
    const request = { destination: { path: 'gone' } };
    expect((await stack.fail(request)).code).toBe('IncompleteExport');
    hospital.faults.clear();
    hospital.change({ updated: 3 });
    const old = hospital.jobs().at(-1)?.id;
    hospital.faults.add({
      route: ['status', 'file'],
      match: ({ jobId }) => jobId === old,
      times: Infinity,
      do: { kind: 'answer', status: 410 },
    });
    const report = await stack.run(request);
    expect(report.warnings.map(({ code }) => code)).toEqual(['JobRestarted']);
    await expectExactFiles(report.location, hospital);
  });

  test('if that job has lost files, and still says that they are there: the same, and not again and again', async () => {
    const lost = { kind: 'answer', status: 410 } as const;
    const isCondition = ({ url }: { url: string }) => url.includes('Condition');
    hospital.faults.add({ route: 'file', match: isCondition, times: Infinity, do: lost });
    const request = { parameters: { _type: 'Patient,Condition' }, destination: { path: 'lost' } };
    const kickOffs = () => hospital.journal.filter(({ route }) => route === 'kickOff').length;
    expect((await stack.fail(request)).code).toBe('IncompleteExport');
    expect(kickOffs()).toBe(1);
    // The fresh job is no better: one is enough for each start.
    expect((await stack.fail(request)).code).toBe('IncompleteExport');
    expect(kickOffs()).toBe(2);
    const old = hospital.jobs().at(-1)?.id;
    hospital.faults.clear();
    hospital.faults.add({
      route: 'file',
      match: (received) => received.jobId === old && isCondition(received),
      times: Infinity,
      do: lost,
    });
    hospital.change({ updated: 3 });
    const report = await stack.run(request);
    expect(report.warnings.map(({ code }) => code)).toEqual(['JobRestarted']);
    await expectExactFiles(report.location, hospital);
    expect(kickOffs()).toBe(3);
  });

  test('if a gateway only says so, and refuses the fresh kick-off, nothing is lost', async () => {
    const isCondition = ({ url }: { url: string }) => url.includes('Condition');
    const final = { kind: 'answer', status: 400 } as const;
    hospital.faults.add({ route: 'file', match: isCondition, times: Infinity, do: final });
    const request = { parameters: { _type: 'Patient,Condition' }, destination: { path: 'gateway' } };
    const first = await stack.fail(request);
    expect(first.code).toBe('IncompleteExport');
    hospital.faults.clear();
    const page = { kind: 'answer', status: 404, body: '<html>default backend - 404</html>' } as const;
    hospital.faults.add({ route: ['status', 'file', 'kickOff', 'delete'], times: Infinity, do: page });
    expect((await stack.fail(request)).code).toBe('KickOffRejected');
    expect(await readdir(join(stack.folder, 'gateway'))).toContain('Patient.00001.ndjson');
    hospital.faults.clear();
    const before = hospital.journal.length;
    const report = await stack.run(request);
    expect(report.warnings).toEqual([]);
    await expectExactFiles(report.location, hospital);
    const asked = hospital.journal.slice(before);
    expect(asked.filter(({ route }) => route === 'kickOff')).toEqual([]);
    expect(asked.filter(({ route, url }) => route === 'file' && url.includes('Patient'))).toEqual([]);
  });

  test('the memo has no time of a job that is gone', { timeout: 180_000 }, async () => {
    hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 410 } });
    const request = { ...SMALL, destination: { path: 'no-time' } };
    expect((await stack.fail(request)).code).toBe('IncompleteExport');
    const gone = hospital.jobs().at(-1)?.id;
    hospital.faults.add({ route: 'status', match: ({ jobId }) => jobId !== gone, times: Infinity, do: slow });
    const started = await stack.start(request);
    const warnings = async () => (await started.progress()).warnings.map(({ code }) => code);
    await expect.poll(warnings, { timeout: 120_000 }).toEqual(['JobRestarted']);
    await expect.poll(async () => (await started.progress()).polls, { timeout: 120_000 }).toBeGreaterThan(1);
    expect(Object.keys((await started.handle.describe()).memo ?? {})).toEqual(['location']);
    await started.cancel();
    await expect(started.result()).rejects.toThrow();
  });
});
