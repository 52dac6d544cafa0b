import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  type AuthServer,
  createAuthServer,
  type SampleServer,
  type SampleServerOptions,
} from '../../dev/sample-server/index.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { refreshMargin } from '../../src/policy/refresh-margin.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';
import { startTimeSkippingServer } from './time-skipping.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How much later than planned something may happen: what runs in between takes real time. */
const TOLERANCE = 30_000;

const TOKEN_LIFETIME = 5 * MINUTE;

const SECURED: Record<string, SampleServerOptions> = {
  'three days': { pollsUntilReady: 72, retryAfter: seconds(HOUR) },
  'two days at once': { pollsUntilReady: 2, retryAfter: seconds(2 * DAY) },
  never: { pollsUntilReady: Infinity, retryAfter: seconds(6 * HOUR) },
};
const OPEN: Record<string, SampleServerOptions> = {
  'three weeks': { pollsUntilReady: (21 * DAY) / HOUR, retryAfter: seconds(HOUR) },
  'down for good': {},
  'down for a day': {},
};

function seconds(milliseconds: number): string {
  return String(milliseconds / 1000);
}

// The limits are those of production, and the time is the Temporal server's: hours pass in milliseconds.
describe.skipIf(inject('testServer') === '')('an export that takes', () => {
  let stack: Stack;
  let auth: AuthServer;
  let keys: string;
  const server = (name: string) => stack.servers[name] as SampleServer;
  const requests = (name: string, ...routes: string[]) =>
    server(name).journal.filter(({ route }) => routes.includes(route));
  /** Milliseconds between the polls. */
  const waits = (name: string) => {
    const polls = requests(name, 'status').map(({ at }) => at);
    return polls.slice(1).map((at, place) => at - (polls[place] as number));
  };

  beforeAll(async () => {
    keys = await mkdtemp(join(tmpdir(), 'keys-'));
    const key = await makeKey('ES384', 'ec-1');
    const privateKeyFile = await secretFile(keys, 'key.jwk.json', key.privateJwk);
    auth = createAuthServer({ jwks: { keys: [key.publicJwk] }, lifetime: TOKEN_LIFETIME / 1000 });
    const secured = { auth: { type: 'smart-backend', clientId: 'demo-client', privateKeyFile } } as const;
    const size = { patients: 10, linesPerFile: 50 };
    stack = await startStack({
      temporal: await startTimeSkippingServer(),
      limits: LIMITS,
      servers: {
        ...optionsOf(SECURED, { ...size, authorization: auth, requiresAccessToken: true }),
        ...optionsOf(OPEN, { ...size, pollsUntilReady: 0 }),
      },
      entries: Object.fromEntries(Object.keys(SECURED).map((name) => [name, secured])),
    });
  });
  afterAll(async () => {
    await stack?.close();
    await rm(keys, { recursive: true });
  });
  afterEach(() => {
    const started = Object.values(stack.servers).filter(({ journal }) => journal.length > 0);
    for (const { journal } of started) {
      expect(journal.filter(({ route }) => route === 'kickOff')).toHaveLength(1);
      journal.length = 0;
    }
    auth.requests.length = 0;
  });

  test('three days: polled by the hour, with tokens of five minutes that are minted when they are needed', async () => {
    const name = 'three days';
    const report = await stack.run({ server: name });
    await expectExactFiles(report.location, server(name));
    expect(waits(name)).toHaveLength(72);
    for (const wait of waits(name).slice(1)) expectAbout(wait, HOUR);
    expect(server(name).journal.filter(({ status }) => status === 401)).toEqual([]);
    expect(requests(name, 'delete')).toHaveLength(1);

    const uses = requests(name, 'kickOff', 'status', 'file', 'delete').map(({ at }) => at);
    expect(auth.requests.filter(({ ok }) => ok)).toHaveLength(tokensNeeded(uses));
    expect(auth.requests).toHaveLength(tokensNeeded(uses));
    expect(tokensNeeded(uses)).toBeGreaterThanOrEqual(73);
  });

  test('three weeks: polled by the hour, over several runs', { timeout: 180_000 }, async () => {
    const name = 'three weeks';
    const started = await stack.start({ server: name });
    const report = await started.result();
    await expectExactFiles(report.location, server(name));
    expect(waits(name)).toHaveLength(504);
    for (const wait of waits(name).slice(1)) expectAbout(wait, HOUR);
    const runs = await runsOf(stack.client, started.handle.workflowId);
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.every((events) => events.length < 5000)).toBe(true);
    expect(requests(name, 'delete')).toHaveLength(1);
  });

  test('a status URL that is down for 24 hours: given up then, and without DELETE', { timeout: 180_000 }, async () => {
    const name = 'down for good';
    server(name).faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 503 } });
    expect((await failureOf((await stack.start({ server: name })).result())).code).toBe('ServerUnavailable');
    const lasted = waits(name).reduce((sum, wait) => sum + wait, 0);
    expect(lasted).toBeGreaterThanOrEqual(DAY);
    expect(lasted).toBeLessThan(DAY + 5 * MINUTE + TOLERANCE);
    expect(Math.max(...waits(name))).toBeLessThan(5 * MINUTE + TOLERANCE);
    expect(waits(name).length).toBeLessThan(DAY / (2.5 * MINUTE));
    expect(requests(name, 'delete')).toHaveLength(0);
  });

  test('a status URL that is down for almost 24 hours: not given up before', async () => {
    const name = 'down for a day';
    const headers = { 'Retry-After': seconds(20 * MINUTE) };
    server(name).faults.add({ route: 'status', times: 72, do: { kind: 'answer', status: 503, headers } });
    await expectExactFiles((await stack.run({ server: name })).location, server(name));
    expect(waits(name)).toHaveLength(72);
    for (const wait of waits(name)) expectAbout(wait, 20 * MINUTE);
  });

  test('two days, of which it was told: a poll a day, in case the server is wrong', async () => {
    const name = 'two days at once';
    await expectExactFiles((await stack.run({ server: name })).location, server(name));
    expect(waits(name)).toHaveLength(2);
    for (const wait of waits(name)) expectAbout(wait, DAY);
    expect(auth.requests).toHaveLength(3);
  });

  test('for ever: ended by the deadline of 30 days, with DELETE', async () => {
    const name = 'never';
    const started = await stack.start({ server: name });
    expect((await failureOf(started.result())).code).toBe('DeadlineExceeded');
    // The clock here is that of the last activity; the test server may have skipped years since.
    const { startTime } = await started.handle.describe();
    const [deletion, ...more] = requests(name, 'delete');
    expect(more).toEqual([]);
    expectAbout((deletion?.at ?? 0) - startTime.getTime(), 30 * DAY);
    expect(waits(name).length).toBeGreaterThanOrEqual(119);
    for (const wait of waits(name).slice(1)) expectAbout(wait, 6 * HOUR);
    expect(server(name).journal.filter(({ status }) => status === 401)).toEqual([]);
  });
});

function optionsOf(
  servers: Record<string, SampleServerOptions>,
  common: SampleServerOptions,
): Record<string, SampleServerOptions> {
  return Object.fromEntries(Object.entries(servers).map(([name, options]) => [name, { ...common, ...options }]));
}

function expectAbout(time: number | undefined, planned: number): void {
  expect(time).toBeGreaterThanOrEqual(planned);
  expect(time).toBeLessThan(planned + TOLERANCE);
}

/** Tokens for requests at these times, if each is used for as long as it may be. */
function tokensNeeded(times: readonly number[]): number {
  let count = 0;
  let renewAt = -Infinity;
  for (const at of times) {
    if (at < renewAt) continue;
    count++;
    renewAt = at + TOKEN_LIFETIME - refreshMargin(TOKEN_LIFETIME);
  }
  return count;
}
