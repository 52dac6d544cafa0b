import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const NAMES = ['first', 'floor', 'ceiling', 'lag', 'later', 'kept'] as const;
let stack: Stack;

beforeAll(async () => {
  const options = { patients: 5, pollsUntilReady: 0, retryAfter: '' } as const;
  stack = await startStack({
    servers: Object.fromEntries(NAMES.map((name) => [name, options])),
    entries: {
      first: { firstPollSeconds: 2 },
      floor: { shortestPollSeconds: 2 },
      ceiling: { longestPollSeconds: 1 },
      lag: { statusLagSeconds: 300 },
      later: { statusLagSeconds: 2 },
      kept: { filesKeptHours: 1 },
    },
    limits: { ...SHORT_LIMITS, gone: 200 },
  });
});
afterAll(() => stack.close());
beforeEach(() => Object.values(stack.servers).forEach(({ faults }) => faults.clear()));

const answer = (status: number, headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, body: '', headers }) as const;
const timesOf = (name: (typeof NAMES)[number], ...routes: string[]) =>
  (stack.servers[name] as SampleServer).journal.filter(({ route }) => routes.includes(route)).map(({ at }) => at);
const run = (server: string) => stack.run({ server, parameters: { _type: 'Patient' } });

test('the first poll waits as long as the settings say, where the kick-off names no time', async () => {
  await run('first');
  const [kickOff = 0, poll = 0] = timesOf('first', 'kickOff', 'status');
  expect(poll - kickOff).toBeGreaterThanOrEqual(2000);
});

test('polls are not closer together than the settings say, also after an outage', async () => {
  const { faults } = stack.servers['floor'] as SampleServer;
  faults.add({ route: 'status', do: answer(202, { 'Retry-After': '1' }) });
  faults.add({ route: 'status', skip: 1, do: answer(503, { 'Retry-After': '1' }) });
  await run('floor');
  const times = timesOf('floor', 'kickOff', 'status').slice(0, 4);
  expect(times).toHaveLength(4);
  for (const [place, at] of times.slice(1).entries()) expect(at - (times[place] ?? 0)).toBeGreaterThanOrEqual(2000);
});

test('a server that names hours is asked sooner', async () => {
  const { faults } = stack.servers['ceiling'] as SampleServer;
  faults.add({ route: 'status', do: answer(202, { 'Retry-After': '7200' }) });
  await run('ceiling');
  expect(timesOf('ceiling', 'status').length).toBeGreaterThanOrEqual(2);
});

test('a status URL may be 404 for as long as the settings say', async () => {
  const { faults } = stack.servers['lag'] as SampleServer;
  faults.add({ route: 'status', times: 4, do: answer(404) });
  expect((await run('lag')).status).toBe('complete');
});

test('but only after the kick-off: a job that is gone later is known to be so at once', async () => {
  const { faults } = stack.servers['later'] as SampleServer;
  faults.add({ route: 'status', do: answer(202, { 'Retry-After': '3' }) });
  faults.add({ route: 'status', skip: 1, times: Infinity, do: answer(404) });
  const failure = await stack.fail({ server: 'later', parameters: { _type: 'Patient' } });
  expect(failure.code).toBe('ExportGone');
});

test('when the files end is known, where the manifest does not say it', async () => {
  const { faults } = stack.servers['kept'] as SampleServer;
  faults.add({ route: 'file', times: 1, do: answer(503, { 'Retry-After': '2' }) });
  const started = await stack.start({ server: 'kept', parameters: { _type: 'Patient' } });
  await started.result();
  const { events } = await started.handle.fetchHistory();
  const results = (events ?? []).flatMap(
    ({ activityTaskCompletedEventAttributes }) => activityTaskCompletedEventAttributes?.result?.payloads ?? [],
  );
  const ends = results.flatMap(({ data }) => {
    const { filesEnd } = JSON.parse(Buffer.from(data ?? []).toString()) as { filesEnd?: string };
    return filesEnd === undefined ? [] : [Date.parse(filesEnd)];
  });
  expect(ends).toHaveLength(1);
  expect(Math.abs((ends[0] ?? 0) - Date.now() - 3_600_000)).toBeLessThan(60_000);
});
