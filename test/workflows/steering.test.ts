import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { UpdateRefused, getExport } from '../../src/client.ts';
import type { ExportPhase } from '../../src/contract.ts';
import type { LinkServer } from '../support/link-server.ts';
import { startLinkServer } from '../support/link-server.ts';
import { slotsOf } from '../support/gates.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { quiet, serverEntry, startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

let stack: Stack;
let hospital: SampleServer;
/** Of many files. */
let archive: LinkServer;

const FILES = 24;
const PATIENTS = { parameters: { _type: 'Patient' } };
const LONG = { timeout: 60_000 };

beforeAll(async () => {
  quiet();
  archive = await startLinkServer({
    delay: 100,
    files: Array.from({ length: FILES }, (_, place) => ({ id: `p${place}`, type: 'Patient', lines: 2 })),
  });
  stack = await startStack({
    // The real threshold is 4,096 events.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=150'],
    workers: false,
    servers: { hospital: { patients: 5, pollsUntilReady: 0, retryAfter: '' } },
    entries: { hospital: { maxConcurrentExports: 1 } },
  });
  stack.config.servers['archive'] = serverEntry(archive.origin, { maxConcurrentDownloads: 2 });
  hospital = stack.servers['hospital'] as SampleServer;
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await archive.close();
});
afterEach(() => {
  hospital.faults.clear();
  hospital.journal.length = 0;
  archive.asked.length = 0;
  archive.answer = () => undefined;
});

/** Requests for files. */
const files = () => archive.asked.filter(({ id }) => id !== '');
const of = (route: string) => hospital.journal.filter((entry) => entry.route === route).length;
const answer = (status: number, retryAfter: string) =>
  ({ kind: 'answer', status, headers: { 'Retry-After': retryAfter } }) as const;

async function reach(started: StartedExport, phase: ExportPhase): Promise<void> {
  await expect.poll(async () => (await started.progress()).phase, LONG).toBe(phase);
}

/** Activities that the export has begun so far, in all its runs. */
async function steps(started: StartedExport): Promise<(string | null | undefined)[]> {
  const events = (await runsOf(stack.client, started.handle.workflowId)).flat();
  return events.flatMap(({ activityTaskScheduledEventAttributes: activity }) =>
    activity == null ? [] : [activity.activityType?.name],
  );
}

/** What an operator's `pollNow` makes an export do. */
async function stepsAfterPollNow(started: StartedExport): Promise<number> {
  const before = (await steps(started)).length;
  await started.pollNow();
  // The answer comes when the signal has been taken.
  await started.setConcurrency(64);
  return (await steps(started)).length - before;
}

describe('a pause', () => {
  test('before the kick-off: none is sent until resume', async () => {
    hospital.faults.add({ route: 'kickOff', do: answer(503, '600') });
    const started = await stack.start(PATIENTS);
    await expect.poll(async () => (await started.progress()).trouble, LONG).toContain('503');
    expect(await started.pause()).toMatchObject({ phase: 'kick-off', paused: { what: 'all' } });
    expect(await stepsAfterPollNow(started)).toBe(0);
    expect(of('kickOff')).toBe(1);
    const { paused, deadline } = await started.progress();
    expect(Math.abs(Date.parse(paused?.since ?? '') - Date.now())).toBeLessThan(60_000);
    expect(Date.parse(deadline) - Date.now()).toBeGreaterThan(29 * 24 * 3_600_000);

    expect((await started.resume()).paused).toBeUndefined();
    // The operator's `pollNow` is made up for.
    expect((await started.result()).status).toBe('complete');
    expect(of('kickOff')).toBe(2);
  });

  test('in the queue: no slot is given to it, others go on, and it has its place again', async () => {
    const isFirst = async (started: StartedExport): Promise<void> => {
      await expect.poll(async () => (await started.progress()).queue?.place, LONG).toBe(1);
    };
    hospital.faults.add({ route: 'status', do: answer(202, '600') });
    const first = await stack.start(PATIENTS);
    await expect.poll(() => of('status'), LONG).toBe(1);
    const second = await stack.start(PATIENTS);
    await isFirst(second);
    expect(await second.pause({ what: 'polls' })).toMatchObject({ phase: 'queued', paused: { what: 'polls' } });
    const third = await stack.start(PATIENTS);
    await isFirst(third);
    hospital.faults.add({ route: 'status', do: answer(202, '600') });
    await first.cancel();
    await first.result().catch(() => {});
    await expect.poll(() => of('status'), LONG).toBe(2);
    const fourth = await stack.start(PATIENTS);
    await isFirst(fourth);
    expect(of('kickOff')).toBe(2);
    await second.resume();
    await isFirst(second);
    await expect.poll(async () => (await fourth.progress()).queue?.place, LONG).toBe(2);
    await third.cancel();
    for (const one of [second, fourth]) expect((await one.result()).status).toBe('complete');
    await third.result().catch(() => {});
  }, 180_000);

  test('while it waits: no poll is sent, also after a new run, and cancel still works', async () => {
    hospital.faults.add({ route: 'status', times: 2, do: answer(202, '600') });
    const started = await stack.start(PATIENTS);
    await expect.poll(() => of('status'), LONG).toBe(1);
    await started.pause({ what: 'polls' });
    const held = async () => (await slotsOf(stack.client, 'hospital')).held.exports.map(({ idle }) => idle);
    await expect.poll(held, LONG).toEqual(['paused']);
    expect(await stepsAfterPollNow(started)).toBe(0);
    // Until the history is full.
    await expect
      .poll(async () => {
        for (let n = 1; n <= 10; n++) await started.setConcurrency(n);
        return (await runsOf(stack.client, started.handle.workflowId)).length;
      }, LONG)
      .toBeGreaterThan(1);
    const again = getExport(stack.client, started.handle.workflowId);
    expect(await again.progress()).toMatchObject({ phase: 'waiting', paused: { what: 'polls' }, concurrency: 10 });
    expect(of('status')).toBe(1);
    await again.resume();
    await expect.poll(() => of('status'), LONG).toBe(2);
    await again.pause();
    await again.cancel();
    await expect(started.result()).rejects.toMatchObject({ name: 'ExportFailure', code: 'Cancelled' });
    expect(of('delete')).toBe(1);
  });

  test('of downloads, with files in flight: they stop, nothing else is asked for, and nothing is lost', async () => {
    const started = await stack.start({ server: 'archive' });
    await expect.poll(() => files().length, LONG).toBeGreaterThan(3);
    expect(await started.pause({ what: 'downloads', now: true })).toMatchObject({ phase: 'downloading' });
    await expect.poll(async () => (await started.progress()).files?.running, LONG).toBe(0);
    const asked = files().length;
    expect(asked).toBeLessThan(FILES);
    expect(await stepsAfterPollNow(started)).toBe(0);
    expect(files()).toHaveLength(asked);
    await started.resume();
    expect((await started.result()).files).toBe(FILES);
    expect(new Set(files().map(({ id }) => id)).size).toBe(FILES);
  });

  test('of downloads: what is in flight ends first', async () => {
    const started = await stack.start({ server: 'archive' });
    await expect.poll(() => files().length, LONG).toBeGreaterThan(1);
    await started.pause({ what: 'downloads' });
    await expect.poll(async () => (await started.progress()).files?.running, LONG).toBe(0);
    const cancelled = (await runsOf(stack.client, started.handle.workflowId))
      .flat()
      .filter(({ activityTaskCancelRequestedEventAttributes }) => activityTaskCancelRequestedEventAttributes != null);
    expect(cancelled).toEqual([]);
    await started.resume();
    expect((await started.result()).files).toBe(FILES);
    expect(files()).toHaveLength(FILES);
  });

  test('is kept when the worker is killed', async () => {
    await stack.stopWorkers();
    const worker = await startWorkerProcess(stack);
    const started = await stack.start({ server: 'archive' });
    await expect.poll(() => files().length, LONG).toBeGreaterThan(1);
    await started.pause({ what: 'downloads' });
    await killWorker(worker);
    await stack.startWorkers();
    await expect.poll(async () => (await started.progress()).files?.running, LONG).toBe(0);
    expect((await started.progress()).paused).toMatchObject({ what: 'downloads' });
    expect(await stepsAfterPollNow(started)).toBe(0);
    await started.resume();
    expect((await started.result()).files).toBe(FILES);
  });
});

test('fewer downloads at a time: no more than that are asked for', async () => {
  const started = await stack.start({ server: 'archive', ...PATIENTS });
  expect(await started.setConcurrency(1)).toMatchObject({ concurrency: 1 });
  const seen: number[] = [];
  for await (const { files } of started.follow({ interval: 50 })) seen.push(files?.running ?? 0);
  expect(Math.max(...seen)).toBe(1);
  expect((await started.result()).files).toBe(FILES);
});

describe('an update that makes no sense is refused, and says why', () => {
  test.each([
    ['pause', [{ what: 'everything' }], 'what: must be one of polls, downloads, all'],
    ['pause', [{ what: 'polls', now: 'yes' }], 'now: must be true or false'],
    ['pause', [{ why: 'x' }], 'why: unknown field, remove it (there are what, now)'],
    ['pause', ['polls'], 'the argument must be an object with the fields what, now'],
    ['resume', [], 'the export is not paused, so nothing has to be done'],
    ['setConcurrency', [0], 'the argument must be a whole number from 1 to 64'],
    ['setConcurrency', ['4'], 'the argument must be a whole number from 1 to 64'],
  ])('%s %j', async (name, args, message) => {
    hospital.faults.add({ route: 'status', times: Infinity, do: answer(202, '600') });
    const started = await stack.start(PATIENTS);
    // Not terminated, which the gate would notice later than the next test begins.
    onTestFinished(async () => {
      await started.cancel();
      await started.result().catch(() => {});
    });
    await reach(started, 'waiting');
    const before = (await runsOf(stack.client, started.handle.workflowId)).flat().length;
    const refused = started.handle.executeUpdate(name, { args: args as [unknown] });
    await expect(refused).rejects.toMatchObject({
      cause: { type: 'UpdateRefused', message: `UpdateRefused: ${message}` },
    });
    const events = (await runsOf(stack.client, started.handle.workflowId)).flat().slice(before);
    expect(events.filter(({ workflowExecutionUpdateAcceptedEventAttributes: one }) => one != null)).toEqual([]);
  });

  test('null is no argument, and does no harm', async () => {
    const started = await stack.start({ server: 'archive' });
    await reach(started, 'downloading');
    const update = (name: string) => started.handle.executeUpdate<object, [null]>(name, { args: [null] });
    expect(await update('pause')).toMatchObject({ paused: { what: 'all' } });
    expect(await update('retryFiles')).toMatchObject({ phase: 'downloading' });
    expect(await update('resume')).not.toHaveProperty('paused');
    expect((await started.result()).files).toBe(FILES);
  });

  test('a job that is complete is not polled', async () => {
    const downloading = await stack.start({ server: 'archive' });
    await reach(downloading, 'downloading');
    await downloading.pause({ what: 'downloads' });
    const refused = downloading.pause({ what: 'polls' });
    await expect(refused).rejects.toThrow(UpdateRefused);
    await expect(refused).rejects.toThrow('use "downloads" or "all"');
    await downloading.cancel();
    await expect(downloading.result()).rejects.toMatchObject({ code: 'Cancelled' });
  });
});
