import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome } from '../../dev/sample-server/index.ts';
import { startAnswering } from '../support/answering-server.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { runsOf } from '../support/runs.ts';
import { serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: { hospital: { patients: 5, pollsUntilReady: 0, retryAfter: '' } },
    timeouts: { headers: 700, body: 700 },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const SMALL = { parameters: { _type: 'Patient' } };
const of = (...routes: string[]) => hospital.journal.filter(({ route }) => routes.includes(route));

const answer = (status: number, body = '', headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, body, headers }) as const;

const transient = operationOutcome({ severity: 'error', code: 'timeout', text: 'try again' });
const FUTURE = 2_000_000_000_000;

describe('no request comes earlier than Retry-After asked for', () => {
  test.each([
    ['seconds', { 'Retry-After': '2' }, 2000],
    [
      'an HTTP date, against the clock of the server',
      { 'Retry-After': new Date(FUTURE + 2000).toUTCString(), Date: new Date(FUTURE).toUTCString() },
      2000,
    ],
    ['epoch seconds', { 'Retry-After': String((FUTURE + 2000) / 1000), Date: new Date(FUTURE).toUTCString() }, 2000],
    ['epoch milliseconds', { 'Retry-After': String(FUTURE + 2000), Date: new Date(FUTURE).toUTCString() }, 2000],
  ])('%s', async (_, headers, wait) => {
    hospital.faults.add({ route: 'status', do: answer(202, '', headers) });
    await stack.run(SMALL);
    const [first, second] = of('status');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(wait);
  });

  test.each(['abc', '0'])('"%s" says nothing: our own backoff', async (value) => {
    hospital.faults.add({ route: 'status', times: 3, do: answer(202, '', { 'Retry-After': value }) });
    await stack.run(SMALL);
    const times = of('status').map(({ at }) => at);
    expect(times).toHaveLength(4);
    for (const [place, at] of times.slice(1).entries())
      expect(at - (times[place] as number)).toBeGreaterThanOrEqual(50);
  });

  test('a long Retry-After is waited for, until an operator says pollNow', async () => {
    hospital.faults.add({
      route: 'status',
      do: answer(202, '', { 'Retry-After': '18000', 'X-Progress': '12% complete' }),
    });
    const started = await stack.start(SMALL);
    await expect.poll(async () => (await started.progress()).serverProgress, { timeout: 15_000 }).toBe('12% complete');
    const { nextPollAt, phase, polls } = await started.progress();
    expect(phase).toBe('waiting');
    expect(polls).toBe(1);
    expect(Date.parse(nextPollAt ?? '') - Date.now()).toBeGreaterThan(17_900_000);
    await started.pollNow();
    expect((await started.result()).status).toBe('complete');
  });
});

describe('the first poll', () => {
  /** What a run did between its kick-off and its end: activities, and timers that were waited for. */
  async function stepsAfterKickOff(workflowId: string): Promise<string[]> {
    const events = (await runsOf(stack.client, workflowId)).flat();
    const steps = events.flatMap(
      ({ activityTaskScheduledEventAttributes: activity, timerStartedEventAttributes }) =>
        activity?.activityType?.name ?? (timerStartedEventAttributes == null ? [] : 'timer'),
    );
    return steps.slice(steps.indexOf('kickOff') + 1);
  }

  test('comes after a moment when the answer to the kick-off names no time, and the second one waits', async () => {
    hospital.faults.add({ route: 'status', do: answer(202) });
    await stack.run(SMALL, 'soon');
    expect((await stepsAfterKickOff('soon')).slice(0, 4)).toEqual(['timer', 'pollStatus', 'timer', 'pollStatus']);
    const [kickOff, first, second] = of('kickOff', 'status');
    expect((first?.at ?? 0) - (kickOff?.at ?? 0)).toBeGreaterThanOrEqual(SHORT_LIMITS.firstPoll);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(SHORT_LIMITS.backoffFloor);
  });

  test('waits as long as the answer to the kick-off asks', async () => {
    hospital.faults.add({ route: 'kickOff', do: { kind: 'headers', set: { 'Retry-After': '1' } } });
    await stack.run(SMALL, 'asked-to-wait');
    expect((await stepsAfterKickOff('asked-to-wait')).slice(0, 2)).toEqual(['timer', 'pollStatus']);
    const [kickOff, poll] = of('kickOff', 'status');
    expect((poll?.at ?? 0) - (kickOff?.at ?? 0)).toBeGreaterThanOrEqual(1000);
  });

  test('waits when nobody knows what the answer to the kick-off asked', async () => {
    const folder = { destination: { path: 'adopted' } };
    hospital.faults.add({ route: 'status', times: Infinity, do: answer(503) });
    await stack.fail({ ...SMALL, ...folder });
    hospital.faults.clear();
    await stack.run({ ...SMALL, ...folder }, 'adopting');
    expect((await stepsAfterKickOff('adopting')).slice(0, 2)).toEqual(['timer', 'pollStatus']);
  });

  test('is too early to prove anything: trouble counts from the second one on', async () => {
    hospital.faults.add({ route: 'status', times: SHORT_LIMITS.unusableTries, do: answer(200, '{}') });
    expect((await stack.run(SMALL)).status).toBe('complete');
    expect(of('status')).toHaveLength(SHORT_LIMITS.unusableTries + 1);
  });
});

test('a status URL that one of two servers does not know while the other is down is given up', async () => {
  const polls: number[] = [];
  const balanced = await startAnswering(({ method, url }) => {
    if (method === 'DELETE') return { status: 404 };
    if (url !== '/status') return { status: 202, headers: { 'content-location': `${balanced.origin}/status` } };
    polls.push(Date.now());
    // Two of three: the time of an outage is hardly longer here than that of a job that is gone.
    return { status: polls.length % 3 === 0 ? 502 : 404 };
  });
  try {
    stack.config.servers['balanced'] = serverEntry(balanced.origin, {});
    expect(await stack.fail({ ...SMALL, server: 'balanced' })).toMatchObject({ code: 'ExportGone' });
    // Ever less often, and not at the floor of 50 ms.
    expect(polls.length).toBeLessThan(40);
  } finally {
    await balanced.close();
  }
});

describe('a poll that fails is not a job that failed', () => {
  test.each([
    ['429', answer(429)],
    ['503 as a page', answer(503, '<html>busy</html>')],
    ['500 with a transient outcome', answer(500, transient)],
    ['408', answer(408)],
    ['404 right after the kick-off', answer(404)],
    ['200 with a page instead of a manifest', answer(200, '<html>log in</html>')],
    ['200 with an empty object', answer(200, '{}')],
    ['a dropped connection', { kind: 'drop' }],
    ['no headers', { kind: 'hang' }],
  ] as const)('%s', async (_, fault) => {
    hospital.faults.add({ route: 'status', times: 2, do: fault });
    const report = await stack.run(SMALL);
    expect(report.status).toBe('complete');
    expect(of('status')).toHaveLength(3);
    expect(of('kickOff')).toHaveLength(1);
  });
});
