import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { activityImplementations, createFileActivities } from '../../src/activities/index.ts';
import type { Config } from '../../src/config.ts';
import { parseConfig } from '../../src/config.ts';

/** Takes connections and never answers: neither a FHIR server nor a bucket says a word. */
const silent = createServer();
const sockets = new Set<Socket>();

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  silent.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
});

const WITH_GATE = parseConfig(
  JSON.stringify({
    servers: { hospital: { baseUrl: 'http://127.0.0.1/fhir', maxConcurrentExports: 1 } },
    destinations: { local: { type: 'directory', path: '.' } },
  }),
  'test',
).servers['hospital'];

/** With these every activity waits from its first step on. */
const DEPS = {
  get config(): Config {
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const lake = { type: 's3', bucket: 'lake', region: 'x', endpoint, forcePathStyle: true } as const;
    return { servers: {}, destinations: { lake }, audit: { destination: lake, required: false } };
  },
  servers: {
    has: () => true,
    configOf: () => WITH_GATE,
    get: () => new Promise(() => {}),
    require: () => new Promise(() => {}),
  },
  registeredSearchAttributes: () => new Promise(() => {}),
  canChangeMemo: () => Promise.resolve(true),
  isRunning: () => new Promise(() => {}),
  gates: {
    ask: () => new Promise(() => {}),
    leave: () => new Promise(() => {}),
    wasCutOff: () => new Promise(() => {}),
  },
} as unknown as ActivityDeps;

const REQUEST = { server: 'hospital', level: 'system', destination: { name: 'lake', path: 'x' } };
const REF = { server: 'hospital', destination: 'lake', path: 'x', mark: 'm', generation: 1 };
const INPUT = {
  ref: REF,
  ...REQUEST,
  request: REQUEST,
  owner: { workflowId: 'a', firstRunId: 'b', runId: 'c' },
  path: 'x',
  generation: 1,
  ranges: [],
  warnings: [],
  newerThan: 0,
  exports: [{ workflowId: 'a', firstRunId: 'b' }],
};

type AnyActivity = (input: never) => Promise<unknown>;

describe('invariant 10: every activity heartbeats', () => {
  const activities: [string, AnyActivity][] = [
    ...Object.entries(activityImplementations(DEPS)),
    ...Object.entries(createFileActivities(DEPS)),
  ];

  test('there are those that the workflows use', () => {
    expect(activities.length).toBeGreaterThanOrEqual(16);
  });

  test.concurrent.each(activities)('%s, from its beginning and while it waits', async (_, activity) => {
    const environment = new MockActivityEnvironment();
    const beats: number[] = [];
    environment.on('heartbeat', () => beats.push(Date.now()));
    const ended: unknown[] = [];
    void environment.run(activity, INPUT as never).then(
      (result) => ended.push(result),
      (error: unknown) => ended.push(error),
    );
    await expect.poll(() => [beats.length, ...ended], { timeout: 10_000, interval: 50 }).toEqual([3]);
    const pauses = beats.slice(1).map((at, place) => at - (beats[place] as number));
    // Of 10 s for which a worker may be silent.
    expect(Math.max(...pauses)).toBeLessThan(5000);
  });
});
