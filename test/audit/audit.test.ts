import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { recordEvent } from '../../src/audit/audit-trail.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;
let root: string;
let trail: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'));
  trail = join(root, 'trail');
  stack = await startStack({ servers: { hospital: { patients: 4, pollsUntilReady: 0 } }, workers: false });
  stack.config.audit = { destination: { type: 'directory', path: trail }, required: true };
  hospital = stack.servers['hospital'] as SampleServer;
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await rm(root, { recursive: true, force: true });
});
afterEach(() => {
  hospital.faults.clear();
  hospital.journal.length = 0;
});

const WHO = { requestedBy: 'Dr. Example', purpose: 'registry, ethics vote 17/2026' };

/** The records of an export, by their event. */
async function recordsOf(workflowId: string): Promise<Record<string, Record<string, unknown>>> {
  const found: Record<string, Record<string, unknown>> = {};
  for (const file of (await readdir(trail, { recursive: true })).filter((name) => name.includes(`/${workflowId}.`))) {
    if (!file.endsWith('.json') || file.includes('.export/')) continue;
    const [, event = ''] = /\.(\w+)\.json$/.exec(file) ?? [];
    expect(found[event]).toBeUndefined();
    found[event] = JSON.parse(await readFile(join(trail, file), 'utf8')) as Record<string, unknown>;
  }
  return found;
}

describe('an export', () => {
  test('leaves a record of its start and of its end', async () => {
    const parameters = { _type: 'Patient', patient: ['Patient/pat-2'] };
    const report = await stack.run({ ...WHO, level: 'patient', parameters }, 'complete');
    const { start, end } = await recordsOf('complete');
    const common = {
      ...WHO,
      workflowId: 'complete',
      server: 'hospital',
      level: 'patient',
      parameters,
      baseUrl: hospital.baseUrl,
      location: report.location,
    };
    expect(start).toMatchObject({ ...common, event: 'start' });
    const manifest = await readFile(join(report.location, 'manifest.json'));
    const { transactionTime, files, resources, bytes, byType } = report;
    expect(end).toMatchObject({
      ...common,
      event: 'end',
      outcome: 'complete',
      report: { transactionTime, files, resources, bytes, byType },
      manifestSha256: createHash('sha256').update(manifest).digest('hex'),
    });
    expect(start?.['runId']).toBe(end?.['runId']);
    expect(String(start?.['time']) < String(end?.['time'])).toBe(true);
    expect(JSON.stringify([start, end])).not.toContain('export-status');
  });

  test('that fails, and one that is cancelled, leave their outcome', async () => {
    hospital.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'answer', status: 400 } });
    const failed = await stack.start({ ...WHO }, 'fails');
    expect((await failureOf(failed.result())).code).toBe('KickOffRejected');
    expect((await recordsOf('fails'))['end']).toMatchObject({ outcome: 'KickOffRejected' });
    hospital.faults.clear();
    hospital.faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 202 } });
    const cancelled = await stack.start({ ...WHO }, 'cancelled');
    await expect.poll(() => hospital.journal.some(({ route }) => route === 'status'), { timeout: 60_000 }).toBe(true);
    await cancelled.cancel();
    expect((await failureOf(cancelled.result())).code).toBe('Cancelled');
    expect((await recordsOf('cancelled'))['end']).toMatchObject({ outcome: 'cancelled' });
  });

  test('whose start cannot be recorded ends before anything is asked', async () => {
    await rm(trail, { recursive: true });
    await writeFile(trail, 'no folder');
    const failure = await failureOf((await stack.start({ ...WHO }, 'unrecorded')).result());
    expect(failure.code).toBe('AuditFailed');
    expect(failure.message).toMatch(/^AuditFailed: the start of the export could not be recorded: audit: /);
    expect(hospital.journal).toEqual([]);
    await rm(trail);
  });

  test('whose end cannot be recorded is complete, with a warning', async () => {
    const notReady = { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } } as const;
    hospital.faults.add({ route: 'status', times: Infinity, do: notReady });
    const started = await stack.start({ ...WHO }, 'no-end');
    await expect.poll(async () => (await recordsOf('no-end'))['start'], { timeout: 60_000 }).toBeDefined();
    await rm(trail, { recursive: true });
    await writeFile(trail, 'no folder');
    hospital.faults.clear();
    const { status, warnings } = await started.result();
    expect([status, warnings.map(({ code }) => code)]).toEqual(['complete', ['AuditIncomplete']]);
    await rm(trail);
  });

  test.each([
    ['neither', {}, ['requestedBy', 'purpose']],
    ['blanks', { ...WHO, purpose: '  ' }, ['purpose']],
  ])('must say who wants it and what for: %s', async (_name, given, missing) => {
    const { code, message } = await stack.fail(given);
    expect(code).toBe('InvalidRequest');
    for (const field of missing) expect(message).toContain(`${field}: is missing`);
    expect(hospital.journal).toEqual([]);
  });
});

test('a record is never overwritten', async () => {
  const config = { destination: { type: 'directory', path: join(root, 'other') }, required: false } as const;
  const what = { server: 's', level: 'system', location: 'l', parameters: {} } as const;
  const event = { ...what, event: 'start', workflowId: 'w', runId: 'r' } as const;
  await recordEvent(config, '2026-11/w.r', event, { baseUrl: 'https://one.example' });
  const file = join(root, 'other/2026-11/w.r.start.json');
  const before = await readFile(file, 'utf8');
  await recordEvent(config, '2026-11/w.r', event, { baseUrl: 'https://two.example' });
  expect(await readFile(file, 'utf8')).toBe(before);
  expect(await readdir(join(root, 'other/2026-11'))).toEqual(['w.r.start.json']);
});
