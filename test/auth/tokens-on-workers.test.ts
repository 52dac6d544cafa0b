import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuthServer, createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

const LIFETIME = 5;
const WORKERS = 3;

let folder: string;
let stack: Stack;
let hospital: SampleServer;
let authServer: AuthServer;
let workers: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokens-'));
  const key = await makeKey('ES384', 'key-1');
  authServer = createAuthServer({ jwks: { keys: [key.publicJwk] }, lifetime: LIFETIME });
  stack = await startStack({
    workers: false,
    servers: {
      hospital: {
        patients: 150,
        linesPerFile: 60,
        pollsUntilReady: 0,
        gzip: false,
        requiresAccessToken: true,
        throttleBytesPerSecond: 30_000,
        authorization: authServer,
      },
    },
  });
  hospital = stack.servers['hospital'] as SampleServer;
  const privateKeyFile = await secretFile(folder, 'key.json', key.privateJwk);
  stack.config.servers['hospital'] = serverEntry(hospital.baseUrl, {
    auth: { type: 'smart-backend', clientId: 'demo-client', privateKeyFile },
  });
  workers = await Promise.all(Array.from({ length: WORKERS }, () => startWorkerProcess(stack)));
});
afterAll(async () => {
  await Promise.all(workers.map(killWorker));
  await stack.close();
  await rm(folder, { recursive: true });
});

const refused = () => hospital.journal.filter(({ route, status }) => route === 'file' && status === 401);

test('short tokens over a long export on three workers: few token requests, no file refused', async () => {
  const before = Date.now();
  const report = await stack.run({});
  const seconds = (Date.now() - before) / 1000;
  await expectExactFiles(report.location, hospital);
  expect(seconds).toBeGreaterThan(2 * LIFETIME);
  expect(refused()).toEqual([]);
  // Each worker needs its own token; it is renewed when 2 s are left.
  expect(authServer.requests.length).toBeLessThanOrEqual(WORKERS * (Math.ceil(seconds / (LIFETIME - 2)) + 1));
});

test('revocation with many files in flight: each worker has one new token, and every file comes', async () => {
  hospital.journal.length = 0;
  const started = await stack.start({});
  await expect
    .poll(() => hospital.journal.filter(({ route }) => route === 'file').length, { timeout: 20_000 })
    .toBeGreaterThan(8);
  const before = authServer.requests.length;
  authServer.revokeAll();
  await expect.poll(() => refused().length, { timeout: 20_000 }).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(authServer.requests.length - before).toBeLessThanOrEqual(2 * WORKERS);
  await expectExactFiles((await started.result()).location, hospital);
});
