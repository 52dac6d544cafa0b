import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { activityImplementations } from '../../src/activities/index.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { depsOf } from '../support/activity-deps.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const HOUR = 3_600_000;

let stack: Stack;
let hospital: SampleServer;
let gated: SampleServer;
let caFile: string;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { pollsUntilReady: 4 }, gated: { pollsUntilReady: 0 } } });
  hospital = stack.servers['hospital'] as SampleServer;
  caFile = join(stack.folder, '..', `${Date.now()}-ca.pem`);
  stack.config.servers['hospital'] = serverEntry(hospital.baseUrl, { tls: { caFile } });
  gated = stack.servers['gated'] as SampleServer;
  stack.config.servers['gated'] = serverEntry(gated.baseUrl, { tls: { caFile }, maxConcurrentExports: 1 });
});
afterAll(async () => {
  await stack.close();
  await rm(caFile, { force: true });
});

test('a worker whose certificates are not there ends no export that runs: it goes on where they are', async () => {
  await writeFile(caFile, '');
  const started = await stack.start({});
  await expect.poll(() => hospital.journal.some(({ route }) => route === 'status'), { timeout: 20_000 }).toBe(true);
  await stack.stopWorkers();
  await rm(caFile);
  // In the place of one of many workers: it has just started, before its secrets are mounted.
  await stack.startWorkers();
  const { handle } = started;
  const troubles = async (): Promise<unknown> =>
    (await handle.describe()).raw.pendingActivities?.map(({ lastFailure }) => lastFailure?.message);
  await expect
    .poll(troubles, { timeout: 20_000 })
    .toContainEqual(expect.stringMatching(/^AuthorizationFailed: .* cannot be read \(ENOENT\)/));
  await writeFile(caFile, '');
  await expectExactFiles((await started.result()).location, hospital);
});

test('a DELETE on which a slot depends is sent when they are there again', async () => {
  await writeFile(caFile, '');
  const later = { kind: 'answer', status: 503, headers: { 'Retry-After': '4' } } as const;
  gated.faults.add({ route: 'delete', do: later });
  const started = await stack.start({ server: 'gated', parameters: { _type: 'Patient' } });
  await expect.poll(() => gated.journal.some(({ route }) => route === 'delete'), { timeout: 20_000 }).toBe(true);
  await stack.stopWorkers();
  await rm(caFile);
  await stack.startWorkers();
  const trouble = async (): Promise<unknown> => (await started.progress()).trouble;
  await expect.poll(trouble, { timeout: 20_000 }).toMatch(/^DELETE: .* cannot be read \(ENOENT\)/);
  // Longer than a DELETE is tried on which nothing depends.
  await sleep(SHORT_LIMITS.delete + 1000);
  await writeFile(caFile, '');
  expect((await started.result()).warnings).toEqual([]);
  expect(gated.journal.filter(({ route }) => route === 'delete').map(({ status }) => status)).toEqual([503, 202]);
});

test('nothing is begun without them', async () => {
  await stack.stopWorkers();
  await rm(caFile, { force: true });
  await stack.startWorkers();
  hospital.journal.length = 0;
  expect(await stack.fail({})).toMatchObject({
    code: 'AuthorizationFailed',
    message: expect.stringContaining('cannot be read (ENOENT)'),
  });
  expect(hospital.journal).toEqual([]);
});

test('a server that one worker does not know yet ends no export that runs', async () => {
  const http = new HttpClient();
  const deps = depsOf({ servers: {}, destinations: {} }, http);
  const failing = async (activityType: string): Promise<unknown> =>
    new MockActivityEnvironment({ activityType, scheduledTimestampMs: Date.now() })
      .run(activityImplementations(deps).refreshToken, {
        server: 'new',
        request: { level: 'system' },
        newerThan: 0,
      } as const)
      .catch((error: unknown) => error);
  try {
    const failures = [await failing('refreshToken'), await failing('openExport')] as ApplicationFailure[];
    expect(failures.map(({ type, nonRetryable }) => [type, nonRetryable])).toEqual([
      ['UnknownServer', false],
      ['UnknownServer', true],
    ]);
  } finally {
    await http.close();
  }
});

test.each([
  ['a certificate', { tls: { caFile: '/no/such/file.pem' } }],
  ["the proxy's credentials", { proxy: 'http://127.0.0.1:9', proxyCredentialsFile: '/no/such/file' }],
] as const)('%s that cannot be read is waited for as long as a token', async (_, entry) => {
  const http = new HttpClient();
  const deps = depsOf({ servers: { one: serverEntry('https://a.example/r4', entry) }, destinations: {} }, http);
  const input = { server: 'one', request: { level: 'system' }, newerThan: 0 } as const;
  const failing = async (activityType: string, age: number): Promise<unknown> =>
    new MockActivityEnvironment({ activityType, scheduledTimestampMs: Date.now() - age })
      .run(activityImplementations(deps).refreshToken, input)
      .catch((error: unknown) => error);
  try {
    const [before, after, first] = await Promise.all([
      failing('refreshToken', HOUR - 60_000),
      failing('refreshToken', HOUR + 1000),
      failing('openExport', 0),
    ]);
    for (const failure of [before, after, first]) {
      expect(failure).toBeInstanceOf(ApplicationFailure);
      expect(failure).toMatchObject({ type: 'AuthorizationFailed', message: expect.stringMatching(/cannot be read/) });
    }
    expect([before, after, first].map((failure) => (failure as ApplicationFailure).nonRetryable)).toEqual([
      false,
      true,
      true,
    ]);
  } finally {
    await http.close();
  }
});
