import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { createActivities } from '../../src/activities/index.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { depsOf } from '../support/activity-deps.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const HOUR = 3_600_000;

let stack: Stack;
let hospital: SampleServer;
let caFile: string;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { pollsUntilReady: 4 } } });
  hospital = stack.servers['hospital'] as SampleServer;
  caFile = join(stack.folder, '..', `${Date.now()}-ca.pem`);
  stack.config.servers['hospital'] = serverEntry(hospital.baseUrl, { tls: { caFile } });
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

test.each([
  ['a certificate', { tls: { caFile: '/no/such/file.pem' } }],
  ["the proxy's credentials", { proxy: 'http://127.0.0.1:9', proxyCredentialsFile: '/no/such/file' }],
] as const)('%s that cannot be read is waited for as long as a token', async (_, entry) => {
  const http = new HttpClient();
  const deps = depsOf({ servers: { one: serverEntry('https://a.example/r4', entry) }, destinations: {} }, http);
  const input = { server: 'one', request: { level: 'system' }, newerThan: 0 } as const;
  const failing = async (activityType: string, age: number): Promise<unknown> =>
    new MockActivityEnvironment({ activityType, scheduledTimestampMs: Date.now() - age })
      .run(createActivities(deps).refreshToken, input)
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
