import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { recordAudit } from '../../src/activities/record-audit.ts';
import type { AuditEvent } from '../../src/audit/audit-record.ts';
import { AuditTrail } from '../../src/audit/audit-trail.ts';
import type { ExportReport } from '../../src/contract.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { depsOf } from '../support/activity-deps.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;
let root: string;
let trail: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'));
  trail = join(root, 'trail');
  await mkdir(trail);
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
const hashOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** The trail cannot be written to, until what it gives is called. */
async function breakTrail(): Promise<() => Promise<void>> {
  await rm(trail, { recursive: true });
  await writeFile(trail, 'no folder');
  return async () => {
    await rm(trail);
    await mkdir(trail);
  };
}

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
      manifestSha256: hashOf(manifest),
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

  test('that is cancelled when its manifest is there leaves counts and hash, whoever has taken the folder away', async () => {
    hospital.faults.add({ route: 'delete', do: { kind: 'delay', ms: 15_000 } });
    const started = await stack.start({ ...WHO, destination: { name: 'local', path: 'taken' } }, 'taken');
    const folder = join(stack.folder, 'taken');
    const deleting = (): boolean => hospital.journal.some(({ route }) => route === 'delete');
    await expect.poll(deleting, { timeout: 60_000 }).toBe(true);
    const manifest = await readFile(join(folder, 'manifest.json'));
    await rm(folder, { recursive: true });
    await started.cancel();
    expect((await started.result()).status).toBe('complete');
    const { end } = await recordsOf('taken');
    expect(end).toMatchObject({ outcome: 'complete', manifestSha256: hashOf(manifest) });
    const { output } = JSON.parse(manifest.toString()) as { output: object[] };
    expect(end).toMatchObject({ report: { files: output.length, byType: { Patient: { resources: 4 } } } });
  });

  test('that ends without a file leaves counts of the others, and the hash of their manifest', async () => {
    hospital.faults.add({ route: 'file', do: { kind: 'answer', status: 400 } });
    const started = await stack.start({ ...WHO, onIncomplete: 'wait' }, 'partial');
    const phase = async (): Promise<string> => (await started.progress()).phase;
    await expect.poll(phase, { timeout: 60_000 }).toBe('needs-attention');
    await started.finishIncomplete({ reason: 'enough' });
    expect((await failureOf(started.result())).code).toBe('IncompleteExport');
    const end = (await recordsOf('partial'))['end'] as { location: string };
    const manifest = await readFile(join(end.location, 'manifest.partial.json'));
    const { output } = JSON.parse(manifest.toString()) as { output: { count: number }[] };
    expect(end).toMatchObject({
      outcome: 'IncompleteExport',
      stored: { files: output.length, resources: output.reduce((sum, { count }) => sum + count, 0) },
      partialManifestSha256: hashOf(manifest),
    });
    expect(end).not.toHaveProperty('report');
  });

  test('that is reset has the start that it had, and an end for each of its runs', async () => {
    hospital.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'answer', status: 400 } });
    const failed = await stack.start({ ...WHO }, 'reset');
    expect((await failureOf(failed.result())).code).toBe('KickOffRejected');
    const before = await recordsOf('reset');
    hospital.faults.clear();
    const { workflowService } = stack.client;
    const { runId } = await workflowService.resetWorkflowExecution({
      namespace: stack.temporal.namespace ?? 'default',
      workflowExecution: { workflowId: 'reset' },
      reason: 'the server takes requests again',
      // The first task of the workflow.
      workflowTaskFinishEventId: 4 as never,
      requestId: 'reset',
    });
    await stack.client.workflow.getHandle('reset', runId).result();
    const names = (await readdir(trail, { recursive: true })).filter((name) => name.includes('/reset.'));
    const of = `reset.${String(before['start']?.['runId'])}`;
    const wanted = [`${of}.${runId}.end.json`, `${of}.end.json`, `${of}.start.json`];
    expect(new Set(names.map((name) => name.split('/')[1]))).toEqual(new Set(wanted));
    const second = names.find((name) => name.endsWith(`${runId}.end.json`)) ?? '';
    const end = JSON.parse(await readFile(join(trail, second), 'utf8')) as object;
    expect(end).toMatchObject({ outcome: 'complete', runId: before['start']?.['runId'] });
  });

  test('whose start cannot be recorded ends before anything is asked', async () => {
    const repair = await breakTrail();
    const handle = await stack.start({ ...WHO }, 'unrecorded');
    await expect.poll(async () => (await handle.progress()).pending, { timeout: 30_000 }).toMatch(/^record the start/);
    const { message } = await failureOf(handle.result());
    expect(message).toMatch(/^AuditFailed: the start of the export could not be recorded: audit: /);
    expect(hospital.journal).toEqual([]);
    await repair();
  });

  test('whose end cannot be recorded is complete, with a warning', async () => {
    const notReady = { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } } as const;
    hospital.faults.add({ route: 'status', times: Infinity, do: notReady });
    const started = await stack.start({ ...WHO }, 'no-end');
    await expect.poll(async () => (await recordsOf('no-end'))['start'], { timeout: 60_000 }).toBeDefined();
    const repair = await breakTrail();
    hospital.faults.clear();
    const { status, warnings } = await started.result();
    expect([status, warnings.map(({ code }) => code)]).toEqual(['complete', ['AuditIncomplete']]);
    await repair();
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

describe('a record', () => {
  const what = { server: 's', level: 'system', location: 'l', parameters: {}, workflowId: 'w', runId: 'r' } as const;
  const start: AuditEvent = { ...what, event: 'start' };
  let config: { destination: { type: 'directory'; path: string }; required: boolean };
  beforeEach(async () => {
    config = { destination: { type: 'directory', path: await mkdtemp(join(root, 'other-')) }, required: false };
  });
  const read = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(config.destination.path, name), 'utf8')) as Record<string, unknown>;

  test('is never overwritten', async () => {
    const one = await AuditTrail.open(config);
    await one.record({ name: '2026-11/w.r' }, start, { baseUrl: 'https://one.example' });
    const before = await read('2026-11/w.r.start.json');
    await one.record({ name: '2026-11/w.r' }, start, { baseUrl: 'https://two.example' });
    expect(await read('2026-11/w.r.start.json')).toEqual(before);
    expect(await readdir(join(config.destination.path, '2026-11'))).toEqual(['w.r.start.json']);
  });

  test('goes to a folder that is there, and nowhere else', async () => {
    await rm(config.destination.path, { recursive: true });
    await expect(AuditTrail.open(config)).rejects.toThrow(/other-\w+ does not exist; create it, or mount/);
    await expect(access(config.destination.path)).rejects.toThrow('ENOENT');
  });

  test('of an end says what is unknown, when attempts at knowing it have brought nothing', async () => {
    const report = { files: 1, resources: 2, bytes: 3, byType: {}, transactionTime: 't' } as ExportReport;
    const input = {
      ref: { server: 'gone', destination: 'local', path: 'gone', mark: 'm', generation: 1 },
      name: 'w.r',
      event: { ...what, event: 'end', outcome: 'complete', report },
    } as const;
    const http = new HttpClient();
    const deps = depsOf({ ...stack.config, audit: config }, http);
    await expect(recordAudit(deps, { ...input, event: start }, { number: 100 })).rejects.toThrow('gone');
    await expect(recordAudit(deps, input, { number: 6 })).rejects.toThrow('gone');
    await recordAudit(deps, input, { number: 7 });
    const record = await read('w.r.end.json');
    expect(record).toMatchObject({ outcome: 'complete', report: { files: 1 } });
    expect(record['unknown']).toEqual([
      expect.stringMatching(/^baseUrl: .*gone/),
      expect.stringMatching(/^manifestSha256: /),
      'start: its record is not at the audit.destination that this worker sees',
    ]);
    // An export whose start could not be recorded has none that could be waited for.
    const noStart = { ...what, event: 'end', outcome: 'AuditFailed' } as const;
    const known = { ...input, ref: { ...input.ref, server: 'hospital' }, name: 'no.start', event: noStart };
    await recordAudit(deps, known, { number: 1 });
    expect(await read('no.start.end.json')).not.toHaveProperty('unknown');
    await http.close();
  });
});
