/** Files beside polls, pauses and `pollNow`; most of them of a job on which the server still works (`allowPartialManifests`). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StartedExport } from '../../src/client.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const LONG = { timeout: 60_000 };
/** Seconds: nobody waits for it. */
const HOUR = '3600';
const FILE = '{"resourceType":"Patient","id":"p"}\n';

/** A server that has one file so far, and is to be asked for more in an hour. */
let partial: AnsweringServer;
let stack: Stack;
/** How it answers for the file, in turn; then with the file. */
let faults: (() => Answer | Promise<Answer>)[];
/** The job is complete as soon as it is asked for. */
let isReady: boolean;
const asked = (path: string): number => partial.asked.filter(({ url }) => url === path).length;

beforeAll(async () => {
  const page = { transactionTime: '2026-01-01T00:00:00Z', requiresAccessToken: false, output: [], error: [] };
  partial = await startAnswering(({ method, url }) => {
    if (method === 'DELETE') return { status: 202 };
    if (url.includes('export')) return { status: 202, headers: { 'content-location': `${partial.origin}/status` } };
    if (url === '/file') return faults.shift()?.() ?? { body: FILE };
    if (url === '/page') return isReady ? { body: page } : { status: 202, headers: { 'retry-after': HOUR } };
    const output = [{ type: 'Patient', url: `${partial.origin}/file`, count: 1 }];
    if (isReady) return { body: { ...page, output } };
    const link = [{ relation: 'next', url: `${partial.origin}/page` }];
    return { status: 202, headers: { 'retry-after': HOUR }, body: { ...page, output, link } };
  });
  stack = await startStack({ servers: {}, workers: false, limits: { ...SHORT_LIMITS, outage: 3_600_000 } });
  stack.config.servers['partial'] = serverEntry(partial.origin, {});
  await stack.startWorkers();
});
afterAll(async () => {
  await stack?.close();
  await partial?.close();
});
beforeEach(() => {
  partial.asked.length = 0;
  faults = [];
  isReady = false;
});

const begin = (): Promise<StartedExport> =>
  stack.start({ server: 'partial', parameters: { allowPartialManifests: true } });
const putOff = (seconds: string) => () => ({ status: 503, headers: { 'retry-after': seconds } });

/** Waits until the file has been put off; gives until when. */
async function untilPutOff(started: StartedExport): Promise<number> {
  await expect.poll(async () => (await started.files({ state: 'put-off' })).files.length, LONG).toBe(1);
  await expect.poll(async () => (await started.progress()).phase, LONG).toBe('waiting');
  return Date.parse((await started.files()).files[0]?.until ?? '');
}

test('a poll that was asked for in a pause is made, also when a file is due by then', async () => {
  faults = [putOff('3')];
  const started = await begin();
  const due = await untilPutOff(started);
  await started.pause();
  await started.pollNow();
  await expect.poll(() => Date.now(), LONG).toBeGreaterThan(due + 500);
  expect(asked('/page')).toBe(0);
  isReady = true;
  await started.resume();
  expect(await started.result()).toMatchObject({ status: 'complete', files: 1 });
});

test('while polls are paused, a file that was put off is fetched at its time', async () => {
  faults = [putOff('3'), putOff('1')];
  const started = await begin();
  await untilPutOff(started);
  await started.pause({ what: 'polls' });
  await started.pollNow();
  await expect.poll(() => asked('/file'), LONG).toBe(3);
  await expect.poll(async () => (await started.progress()).files?.done, LONG).toBe(1);
  expect(await started.progress()).toMatchObject({ phase: 'waiting', paused: { what: 'polls' } });
  expect(asked('/page')).toBe(0);
  isReady = true;
  await started.resume();
  expect(await started.result()).toMatchObject({ status: 'complete', files: 1 });
});

test('downloads go on when they are resumed, and not with the next poll', async () => {
  // Until it is stopped.
  faults = [() => new Promise<Answer>(() => {})];
  const started = await begin();
  await expect.poll(() => asked('/file'), LONG).toBe(1);
  await started.pause({ what: 'downloads', now: true });
  await expect.poll(async () => (await started.progress()).phase, LONG).toBe('waiting');
  await started.resume();
  await expect.poll(async () => (await started.progress()).files?.done, LONG).toBe(1);
  expect(asked('/page')).toBe(0);
  isReady = true;
  await started.pollNow();
  expect(await started.result()).toMatchObject({ status: 'complete', files: 1 });
});

describe('a file that failed for good in a pause of the downloads, and is wanted again', () => {
  async function wantAgain(): Promise<StartedExport> {
    isReady = true;
    let end: (answer: Answer) => void = () => {};
    faults = [() => new Promise((resolve) => (end = resolve))];
    const started = await begin();
    await expect.poll(() => asked('/file'), LONG).toBe(1);
    await started.pause({ what: 'downloads' });
    end({ status: 400 });
    await expect.poll(async () => (await started.progress()).files?.failed, LONG).toBe(1);
    await started.retryFiles();
    return started;
  }

  test('is fetched after it', async () => {
    const started = await wantAgain();
    await started.resume();
    expect(await started.result()).toMatchObject({ status: 'complete', files: 1 });
  });

  test('is given up where the export is to end', async () => {
    const started = await wantAgain();
    await started.giveUp();
    await expect(started.result()).rejects.toMatchObject({ code: 'IncompleteExport' });
  });
});
