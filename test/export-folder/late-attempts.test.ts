import { execFileSync } from 'node:child_process';
import { constants, linkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FaultRule, SampleServer } from '../../dev/sample-server/index.ts';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { activityImplementations } from '../../src/activities/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { Servers } from '../../src/fhir-server/servers.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { runsOf } from '../support/runs.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { FrozenAttempt, contentOf, refOf } from './frozen-attempt.ts';

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

const REQUEST = { level: 'system', parameters: { _type: 'Patient,Condition' } } as const;
const SETTLING = { request: {}, warnings: [], fetchedAgain: {}, attachments: false, keepServerFiles: true };
const later = { kind: 'answer', status: 503, headers: { 'Retry-After': '3600' } } as const;
const notReady = { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } } as const;

const phase = (started: StartedExport, wanted: string) =>
  expect.poll(async () => (await started.progress()).phase, { timeout: 30_000 }).toBe(wanted);

/** The answer to its kick-off is known to the run, which waits until it may ask again. */
const waitsForKickOff = ({ handle }: StartedExport) => {
  const waits = async (): Promise<boolean> => {
    const events = (await runsOf(stack.client, handle.workflowId)).flat();
    const of = new Set(
      events
        .filter(({ activityTaskScheduledEventAttributes: one }) => one?.activityType?.name === 'kickOff')
        .map(({ eventId }) => String(eventId)),
    );
    return events.some(({ activityTaskCompletedEventAttributes: one }) => of.has(String(one?.scheduledEventId)));
  };
  return expect.poll(waits, { timeout: 30_000 }).toBe(true);
};

const asked = (route: string): number => hospital.journal.filter((entry) => entry.route === route).length;

describe('an attempt of a terminated run that wakes up when the next job has its files changes nothing', () => {
  interface Case {
    name: string;
    /** What keeps the first run where the attempt is its own. */
    faults: FaultRule[];
    reached(first: StartedExport): Promise<void>;
    attempt(frozen: FrozenAttempt): Promise<unknown>;
  }

  const files = ({ ref, activities }: FrozenAttempt) =>
    activities.downloadFiles({ ref, generation: 1, ranges: [[0, 2]], retry: false });
  const polled = (first: StartedExport) =>
    expect.poll(async () => (await first.progress()).polls, { timeout: 30_000 }).toBe(1);
  const cases: Case[] = [
    {
      name: 'kick-off',
      faults: [{ route: 'kickOff', do: later }],
      reached: waitsForKickOff,
      attempt: ({ ref, activities }) => activities.kickOff({ ref, request: REQUEST, generation: 1 }),
    },
    {
      name: 'poll',
      faults: [{ route: 'status', do: notReady }],
      reached: polled,
      attempt: ({ ref, activities }) => activities.pollStatus({ ref }),
    },
    {
      name: 'manifest read again',
      faults: [{ route: 'file', times: Infinity, do: { kind: 'hang' } }],
      reached: (first) => phase(first, 'downloading'),
      attempt: ({ ref, activities }) => activities.refreshManifest({ ref, reading: 0 }),
    },
    {
      name: 'files',
      faults: [{ route: 'file', times: 2, do: { kind: 'hang' } }],
      reached: () => expect.poll(() => asked('file'), { timeout: 30_000 }).toBe(2),
      attempt: files,
    },
  ];

  test.each(cases)('$name', async ({ name, faults, reached, attempt }) => {
    const path = `frozen/${name}`;
    for (const fault of faults) hospital.faults.add(fault);
    const first = await stack.start({ ...REQUEST, destination: { path } });
    await reached(first);
    const frozen = new FrozenAttempt(stack.config, await refOf(stack.folder, path), attempt);
    await expect.poll(() => frozen.isFrozen(), { timeout: 30_000 }).toBe(true);
    await first.handle.terminate();

    hospital.faults.clear();
    hospital.change({ updated: 3 });
    const old = hospital.jobs().at(-1)?.id;
    const gone = { kind: 'answer', status: 410 } as const;
    hospital.faults.add({ route: ['status', 'file'], match: ({ jobId }) => jobId === old, times: Infinity, do: gone });
    const report = await stack.run({ ...REQUEST, destination: { path } });
    await expectExactFiles(report.location, hospital);
    const before = await contentOf(report.location);

    frozen.thaw();
    await expect(frozen.result).rejects.toMatchObject({ type: 'DestinationFailed' });
    expect(await contentOf(report.location)).toEqual(before);
  });

  test('also of this very run, whose job is followed by a fresh one', async () => {
    const path = 'frozen/same run';
    const request = { ...REQUEST, destination: { path } };
    hospital.faults.add({ route: 'status', times: 2, do: notReady });
    const first = await stack.start(request);
    await polled(first);
    await first.handle.terminate();
    const second = await stack.start(request);
    await polled(second);
    const frozen = new FrozenAttempt(stack.config, await refOf(stack.folder, path), ({ ref, activities }) =>
      activities.pollStatus({ ref }),
    );
    await expect.poll(() => frozen.isFrozen(), { timeout: 30_000 }).toBe(true);
    const old = hospital.jobs().at(-1)?.id;
    const gone = { kind: 'answer', status: 410 } as const;
    hospital.faults.add({ route: 'status', match: ({ jobId }) => jobId === old, times: Infinity, do: gone });
    hospital.change({ updated: 3 });
    await second.pollNow();
    const report = await second.result();
    expect(report.warnings.map(({ code }) => code)).toEqual(['JobRestarted']);
    const before = await contentOf(report.location);
    frozen.thaw();
    await expect(frozen.result).rejects.toMatchObject({ type: 'DestinationFailed' });
    expect(await contentOf(report.location)).toEqual(before);
    await expectExactFiles(report.location, hospital);
  });

  test.each([
    [
      'is complete, and keeps the job',
      async (heir: FrozenAttempt) => {
        await files(heir);
        expect(await heir.activities.settleExport({ ref: heir.ref, ...SETTLING })).toMatchObject({ kind: 'settled' });
      },
    ],
    [
      'was given up, though the server keeps the job',
      async ({ ref, activities }: FrozenAttempt) => {
        hospital.faults.add({ route: 'delete', do: { kind: 'answer', status: 405 } });
        expect(await activities.deleteJob({ ref, removeParts: true })).toMatchObject({ kind: 'unsupported' });
      },
    ],
  ])('also of a run that %s', async (what, end) => {
    const path = `frozen/${what}`;
    hospital.faults.add({ route: 'file', times: 2, do: { kind: 'hang' } });
    const first = await stack.start({ ...REQUEST, destination: { path } });
    await expect.poll(() => asked('file'), { timeout: 30_000 }).toBe(2);
    const ref = await refOf(stack.folder, path);
    await first.handle.terminate();
    const frozen = new FrozenAttempt(stack.config, ref, files);
    await expect.poll(() => frozen.isFrozen(), { timeout: 30_000 }).toBe(true);
    const heir = new FrozenAttempt(stack.config, ref, end);
    heir.thaw();
    await heir.result;
    const before = await contentOf(join(stack.folder, path));
    frozen.thaw();
    await expect(frozen.result).rejects.toMatchObject({ type: 'DestinationFailed' });
    expect(await contentOf(join(stack.folder, path))).toEqual(before);
  });

  test('settling', async () => {
    const path = 'frozen/settling';
    hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'hang' } });
    const first = await stack.start({ ...REQUEST, destination: { path } });
    await phase(first, 'downloading');
    // The destination hangs: whoever reads this waits until somebody writes it.
    const folder = join(stack.folder, path);
    const report = join(folder, '.export/report.json');
    const pipe = join(stack.folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    linkSync(pipe, report);
    const frozen = new FrozenAttempt(stack.config, await refOf(stack.folder, path), ({ ref, activities }) =>
      activities.settleExport({ ref, ...SETTLING, keepServerFiles: false }),
    );
    // It can be opened for writing at once only when somebody has it open for reading.
    const writer = await vi.waitFor(() => open(pipe, constants.O_WRONLY | constants.O_NONBLOCK), { timeout: 30_000 });
    await first.handle.terminate();

    hospital.faults.clear();
    const old = hospital.jobs().at(-1)?.id;
    const gone = { kind: 'answer', status: 410 } as const;
    hospital.faults.add({ route: ['status', 'file'], match: ({ jobId }) => jobId === old, times: Infinity, do: gone });
    hospital.faults.add({ route: 'file', match: ({ jobId }) => jobId !== old, times: Infinity, do: { kind: 'hang' } });
    const second = await stack.start({ ...REQUEST, destination: { path } });
    await expect.poll(async () => (await second.progress()).warnings.length, { timeout: 30_000 }).toBe(1);
    await phase(second, 'downloading');
    const before = await contentOf(folder);
    await writer.writeFile('{}');
    await writer.close();
    await expect(frozen.result).rejects.toMatchObject({ type: 'DestinationFailed' });
    expect(await contentOf(folder)).toEqual(before);
    await second.handle.terminate();
  });

  test('DELETE: the job that another run has taken up is not deleted', async () => {
    const path = 'frozen/delete';
    hospital.faults.add({ route: 'status', times: Infinity, do: notReady });
    const first = await stack.start({ ...REQUEST, destination: { path } });
    await polled(first);
    let thaw: (value: void) => void = () => {};
    const thawed = new Promise<void>((resolve) => (thaw = resolve));
    const { ref } = new FrozenAttempt(stack.config, await refOf(stack.folder, path), async () => {});
    const http = new HttpClient();
    const servers = new Servers(stack.config, http);
    const get = servers.get.bind(servers);
    let asked = false;
    servers.get = async (name) => {
      asked = true;
      await thawed;
      return get(name);
    };
    const deps = { config: stack.config, servers, http, limits: SHORT_LIMITS } as ActivityDeps;
    const late = new MockActivityEnvironment().run(() =>
      activityImplementations(deps).deleteJob({ ref, removeParts: true }),
    );
    late.catch(() => {});
    await expect.poll(() => asked, { timeout: 30_000 }).toBe(true);
    await first.handle.terminate();
    const second = await stack.start({ ...REQUEST, destination: { path } });
    await polled(second);
    thaw();
    await expect(late).rejects.toMatchObject({ type: 'DestinationFailed' });
    expect(hospital.journal.filter(({ route }) => route === 'delete')).toEqual([]);
    await second.handle.terminate();
  });
});
