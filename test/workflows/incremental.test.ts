/** Chains of exports, each given the result of the last one that was complete, as a schedule does. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ExportFailure, StartedExport } from '../../src/client.ts';
import type { ExportReport } from '../../src/contract.ts';
import type { ChangingServer, Trouble } from '../support/changing-server.ts';
import { startChangingServer } from '../support/changing-server.ts';
import { runsOf } from '../support/runs.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, serverEntry, startStack } from '../support/stack.ts';
import { startAfter } from '../support/start-after.ts';

const DAY = 24 * 60 * 60 * 1000;
/** The first day of the servers. */
const BEGIN = Date.parse('2025-01-01T00:00:00Z');

let stack: Stack;
let server: ChangingServer;
beforeAll(async () => {
  stack = await startStack({
    servers: {},
    workers: false,
    // So short that every export goes on in further runs, which are not given the last result.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=25'],
    // Outages and lost files are not what is tested here.
    limits: { ...SHORT_LIMITS, firstPoll: 0, outage: 200, backoffFloor: 20, file: 200, fileRetry: 10 },
  });
  server = await startChangingServer();
  const entry = serverEntry(server.origin);
  stack.config.servers['a'] = entry;
  stack.config.servers['by default'] = { ...entry, sinceByDefault: true };
  stack.config.servers['time is end'] = { ...entry, transactionTimeIsEnd: true };
  stack.config.servers['without since'] = { ...entry, unsupportedParameters: ['_since'] };
  await stack.startWorkers();
});
afterAll(async () => {
  await stack?.close();
  await server?.close();
});
beforeEach(() => {
  Object.assign(server, { changes: [], asked: [], now: BEGIN, trouble: () => 'none', lost: true });
});

let started = 0;

/** @param last result of the last one that was complete */
async function startWith(last: unknown, fields: object = {}): Promise<StartedExport> {
  const request = { server: 'a', level: 'system', incremental: {}, ...fields };
  return startAfter(stack.client, `incremental-${++started}`, request, last);
}

const day = (number: number): string => new Date(BEGIN + number * DAY).toISOString();
const codes = ({ warnings }: ExportReport): string[] =>
  warnings.map(({ code }) => code).filter((code) => code.startsWith('Mark'));
const asked = (): (string | undefined)[] => server.asked.map(({ since }) => since);

/** An export on a day of the server's. */
async function onDay(number: number, last: unknown, fields: object = {}, trouble: Trouble = 'none') {
  Object.assign(server, { now: BEGIN + number * DAY, trouble: () => trouble });
  return (await startWith(last, fields)).result();
}

test('each goes on where the last one that was complete has ended, through all runs of an export', async () => {
  const reports = [await onDay(0, undefined)];
  const runs = await runsOf(stack.client, `incremental-${started}`);
  expect(runs.length).toBeGreaterThan(1);
  expect(runs.at(-1)?.[0]?.workflowExecutionStartedEventAttributes?.lastCompletionResult ?? null).toBeNull();
  for (const number of [1, 2]) reports.push(await onDay(number, reports.at(-1)));
  expect(reports.map(({ since, mark }) => [since, mark])).toEqual([
    [undefined, day(0)],
    [day(0), day(1)],
    [day(1), day(2)],
  ]);
  expect(asked()).toEqual([undefined, day(0), day(1)]);
  expect(reports.flatMap(codes)).toEqual([]);
  expect(new Set(reports.map(({ requestHash }) => requestHash)).size).toBe(1);
});

test('another request begins anew, and so does the same at another base URL; how it is written does not matter', async () => {
  const types = { parameters: { _type: ['Basic', 'Patient'] } };
  const first = await onDay(0, undefined, types);
  const same = { parameters: { _type: 'Patient,Basic' }, destination: { path: 'elsewhere' }, deadline: 'P1D' };
  const second = await onDay(1, first, same);
  expect(second).toMatchObject({ since: day(0), requestHash: first.requestHash });
  const third = await onDay(2, second, { parameters: { _type: 'Patient' } });
  expect(third).toMatchObject({ mark: day(2), warnings: expect.arrayContaining([]) as unknown });
  expect(codes(third)).toContain('MarkReset');
  expect(third.since).toBeUndefined();
  const moved = await onDay(3, second, { ...types, server: 'by default', incremental: { initialSince: day(-9) } });
  expect(moved).toMatchObject({ since: day(-9), mark: day(3) });
  expect(codes(moved)).toContain('MarkReset');
});

test('issues hold the mark, unless the request says otherwise', async () => {
  const first = await onDay(0, undefined, {}, 'issues');
  expect([first.status, first.mark, codes(first)]).toEqual(['complete-with-issues', null, ['MarkHeld']]);
  // Not where it is to begin: all data was to come, and has not.
  const second = await onDay(1, first, { incremental: { initialSince: day(-1) } });
  expect([second.since, second.mark]).toEqual([undefined, day(1)]);
  const third = await onDay(2, second, {}, 'issues');
  expect([third.since, third.mark]).toEqual([day(1), day(1)]);
  const fourth = await onDay(3, third, { incremental: { onIssues: 'advance' } }, 'issues');
  expect([fourth.since, fourth.mark, codes(fourth)]).toEqual([day(1), day(3), []]);
});

test('a time of the server that went back: the next export is full', async () => {
  const first = await onDay(0, undefined);
  const second = await onDay(1, first, {}, 'timeBack');
  expect([second.since, second.mark, codes(second)]).toEqual([day(0), null, ['MarkReset']]);
  expect((await onDay(2, second)).since).toBeUndefined();
});

test('a time that is missing, no instant, or in the future holds the mark', async () => {
  const first = await onDay(0, undefined);
  for (const trouble of ['noTime', 'oddTime', 'timeAhead'] as const) {
    const report = await onDay(1, first, {}, trouble);
    expect([report.since, report.mark]).toEqual([day(0), day(0)]);
    expect(codes(report)).toContain('MarkHeld');
  }
});

test('where the time may be the end of the job, the mark is that of the kick-off', async () => {
  const before = Date.now();
  // Ahead of the clock that the kick-off is answered by, as after a job of minutes.
  server.now = before + 4 * 60_000;
  const report = await (await startWith(undefined, { server: 'time is end' })).result();
  expect(Date.parse(report.transactionTime)).toBe(server.now);
  expect(Date.parse(report.mark ?? '')).toBeLessThanOrEqual(Date.now());
  expect(codes(report)).toEqual([]);
});

test('a schedule that has no last report begins with all data, or where the request says', async () => {
  const from = { incremental: { initialSince: day(-5) } };
  expect((await onDay(0, undefined, from)).since).toBe(day(-5));
  expect((await onDay(0, 'something else', from)).since).toBe(day(-5));
  const plain = await stack.run({ server: 'a', parameters: { _since: day(-2) } });
  expect(plain).toMatchObject({ since: day(-2), requestHash: expect.any(String) });
  expect(plain).not.toHaveProperty('mark');
  expect((await onDay(0, plain)).since).toBeUndefined();
});

test('what cannot be incremental is refused at once, with the field', async () => {
  const fail = async (fields: object) => (await failureOf((await startWith(undefined, fields)).result())).message;
  expect(await fail({ server: 'without since' })).toMatch(
    /^InvalidRequest: parameters._since: this server cannot do it/,
  );
  expect(await fail({ server: 'by default' })).toMatch(/^InvalidRequest: incremental.initialSince: is missing/);
  const future = { initialSince: new Date(Date.now() + DAY).toISOString() };
  expect(await fail({ incremental: future })).toMatch(/^InvalidRequest: incremental.initialSince: .* is in the future/);
  expect(server.asked).toEqual([]);
});

test('one that is incomplete fails, and tells its time: a request with it goes on by hand', async () => {
  const first = await onDay(0, undefined);
  const place = { destination: { path: 'by-hand' } };
  const error = await onDay(1, first, place, 'lostFile').catch((one: unknown) => one);
  expect((error as ExportFailure).code).toBe('IncompleteExport');
  expect((error as ExportFailure).details).toMatchObject({ since: day(0) });
  Object.assign(server, { now: BEGIN + 2 * DAY, lost: false });
  // All data is something else.
  expect(await failureOf(onDay(2, undefined, place))).toMatchObject({ code: 'DestinationNotEmpty' });
  const byHand = await stack.run({ server: 'a', ...place, parameters: { _since: day(0) } });
  expect(byHand).toMatchObject({ since: day(0), transactionTime: day(1) });
  expect(asked()).toEqual([undefined, day(0)]);
});

test('the next one of a fixed path goes on with the job of the one that failed, and its mark is the time of that job', async () => {
  const first = await onDay(0, undefined);
  const place = { destination: { path: 'fixed' } };
  await expect(onDay(1, first, place, 'lostFile')).rejects.toMatchObject({ code: 'IncompleteExport' });
  server.lost = false;
  const next = await onDay(2, first, place);
  expect(next).toMatchObject({ since: day(0), transactionTime: day(1), mark: day(1) });
  expect(asked()).toEqual([undefined, day(0)]);
});

test('one that an operator ends without some files fails, and the next one brings the same time again', async () => {
  const first = await onDay(0, undefined);
  Object.assign(server, { now: BEGIN + DAY, trouble: () => 'lostFile' });
  const steered = await startWith(first, { onIncomplete: 'wait' });
  await expect.poll(async () => (await steered.progress()).phase, { timeout: 60_000 }).toBe('needs-attention');
  expect((await steered.progress()).since).toBe(day(0));
  await steered.finishIncomplete({ reason: 'it is lost' });
  const failure = await steered.result().catch((error: unknown) => error as ExportFailure);
  expect(failure).toMatchObject({ code: 'IncompleteExport', details: { partialManifest: 'manifest.partial.json' } });
  const next = await onDay(2, first);
  expect(next).toMatchObject({ since: day(0), mark: day(2) });
});
