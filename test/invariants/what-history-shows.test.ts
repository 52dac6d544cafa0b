/**
 * One export in which the server asks for a pause and refuses the token at every step; its history shows how the steps
 * work together.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../dev/sample-server/index.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import { auth, backend, files, jwks, of, server, stack, useGuardedServers } from '../support/guarded-servers.ts';
import type { Step } from './steps-of-history.ts';
import { stepsOf } from './steps-of-history.ts';

const RETRY_AFTER = 3;
const PAUSED = ['token', 'kickOff', 'status', 'file', 'delete'] as const;
const REFUSED = ['kickOff', 'status', 'file', 'delete'] as const;

useGuardedServers(
  { hospital: [{ jwks, lifetime: 300 }, backend(files.rsaJwk), { linesPerFile: 10_000 }] },
  { ...SHORT_LIMITS, delete: 10_000 },
);

let steps: Step[];
let timers: number;
let granted: number;
let requests: { route: Route; at: number; status: number; url: string }[];

beforeAll(async () => {
  const { faults } = server('hospital');
  const pause = { kind: 'answer', status: 429, headers: { 'Retry-After': String(RETRY_AFTER) } } as const;
  for (const route of PAUSED) faults.add({ route, do: pause });
  const headers = { 'WWW-Authenticate': 'Bearer error="invalid_token"' };
  for (const route of REFUSED) faults.add({ route, skip: 1, do: { kind: 'answer', status: 401, headers } });
  const started = await stack.start({ server: 'hospital', parameters: { _type: ['Patient', 'Condition'] } });
  const report = await started.result();
  expect(report).toMatchObject({ status: 'complete', warnings: [], files: 2 });
  ({ steps, timers } = stepsOf((await started.handle.fetchHistory()).events ?? []));
  granted = auth('hospital').requests.filter(({ ok }) => ok).length;
  requests = server('hospital').journal.map(({ route, at, status, url }) => ({ route, at, status, url }));
  for (const route of REFUSED) expect(of('hospital', route).some(({ status }) => status === 401)).toBe(true);
});

describe('invariant 2: the workflow coordinates the token', () => {
  const token = (step: Step) => step.input['token'] as { epoch: number } | undefined;

  test('every step that sends it is given an epoch, which no step but refreshToken raises', () => {
    const said = [0];
    for (const { type, input, result } of steps) {
      if (type !== 'refreshToken') continue;
      expect(input['newerThan']).toBeGreaterThanOrEqual(said.at(-1) as number);
      if (result['kind'] !== 'token') continue;
      expect(result['epoch']).toBeGreaterThan(input['newerThan'] as number);
      said.push(result['epoch'] as number);
    }
    for (const step of steps) if (token(step) !== undefined) expect(said).toContain(token(step)?.epoch);
    for (const type of ['kickOff', 'pollStatus', 'downloadFiles', 'deleteJob'])
      expect(steps.find((step) => step.type === type && token(step) !== undefined)).toBeDefined();
  });

  test('refreshToken says an epoch and never the token', () => {
    const known = ['kind', 'epoch', 'scope', 'expiresIn', 'lifetime', 'missing', 'leftOut', 'uncovered'];
    const minted = steps.filter(({ type, result }) => type === 'refreshToken' && result['kind'] === 'token');
    // The first one, and one for each refusal.
    expect(minted).toHaveLength(1 + REFUSED.length);
    expect(granted).toBe(minted.length);
    for (const { result } of minted) {
      expect(known).toEqual(expect.arrayContaining(Object.keys(result)));
      for (const issued of auth('hospital').issued) expect(JSON.stringify(result)).not.toContain(issued);
    }
  });

  test('a refused token is a result and no failure, so that nothing is tried again with the old one', () => {
    expect(steps.filter(({ failed }) => failed)).toEqual([]);
    expect(steps.map(({ attempt }) => attempt)).toEqual(steps.map(() => 1));
    const answers = steps.flatMap(({ result }) =>
      result['tokenNeeded'] === undefined ? result['kind'] : 'tokenNeeded',
    );
    expect(answers.filter((kind) => kind === 'tokenNeeded').length).toBeGreaterThanOrEqual(3);
  });
});

describe('invariant 6: every wait is a Temporal timer', () => {
  test('no request comes earlier than the server asked', () => {
    for (const route of PAUSED) {
      const paused = requests.find((one) => one.route === route && one.status === 429);
      const path = (url: string | undefined) => url?.split('?', 1)[0];
      const next = requests.find(
        (one) => one.route === route && one.at > (paused?.at ?? 0) && path(one.url) === path(paused?.url),
      );
      expect((next?.at ?? 0) - (paused?.at ?? 0), route).toBeGreaterThanOrEqual(RETRY_AFTER * 1000);
    }
  });

  test('no activity waits for it: there is a timer for each', () => {
    for (const { type, took } of steps) expect(took, type).toBeLessThan(RETRY_AFTER * 1000);
    expect(timers).toBeGreaterThanOrEqual(PAUSED.length);
  });
});

describe('invariant 10: every activity heartbeats', () => {
  test('it has a heartbeat timeout of 10 s, and no number of attempts bounds it', () => {
    expect(new Set(steps.map(({ type }) => type)).size).toBeGreaterThanOrEqual(8);
    for (const { type, heartbeatTimeout, maximumAttempts } of steps)
      expect({ type, heartbeatTimeout, maximumAttempts }).toEqual({ type, heartbeatTimeout: 10, maximumAttempts: 0 });
  });
});
