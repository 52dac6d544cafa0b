import { execFileSync, spawnSync } from 'node:child_process';
import { access, mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

/** Whether this user may mount a file system. */
const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0;
/** Time for the whole clean-up; that for a token is much longer, as it is in earnest. */
const CLEAN_UP = 4000;

const keys = await mkdtemp(join(tmpdir(), 'keys-'));
let stack: Stack;

beforeAll(async () => {
  const key = await makeKey('RS384', 'rsa-1');
  const server = { patients: 3, pollsUntilReady: 0 };
  stack = await startStack({
    servers: {
      hospital: server,
      secured: { ...server, authorization: createAuthServer({ jwks: { keys: [key.publicJwk] }, lifetime: 2 }) },
    },
    entries: {
      secured: {
        auth: {
          type: 'smart-backend',
          clientId: 'demo-client',
          privateKeyFile: await secretFile(keys, 'key.json', key.privateJwk),
        },
      },
    },
    limits: { ...SHORT_LIMITS, tokenEndpoint: 120_000, cleanUp: CLEAN_UP },
  });
});
afterAll(async () => {
  await stack.close();
  await rm(keys, { recursive: true });
});
beforeEach(() => {
  for (const server of Object.values(stack.servers)) {
    server.journal.length = 0;
    server.faults.clear();
    server.faults.add({
      route: 'status',
      times: Infinity,
      do: { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } },
    });
  }
});

const server = (name: string): SampleServer => stack.servers[name] as SampleServer;
const deletes = (name: string) => server(name).journal.filter(({ route }) => route === 'delete');

async function waiting(started: StartedExport): Promise<string> {
  await vi.waitFor(async () => expect((await started.progress()).polls).toBe(1), { timeout: 15_000, interval: 100 });
  return (await started.progress()).location ?? '';
}

test('a job whose kick-off is answered when its run has ended is deleted', async () => {
  server('hospital').faults.add({ route: 'kickOff', do: { kind: 'delay', ms: CLEAN_UP + 3000 } });
  const started = await stack.start({ server: 'hospital' });
  const isAsked = () => server('hospital').journal.some(({ route }) => route === 'kickOff');
  await expect.poll(isAsked, { timeout: 20_000 }).toBe(true);
  const jobs = server('hospital').jobs().length;
  expect(await cancel(started)).toBeLessThan(CLEAN_UP + 2000);
  expect([server('hospital').jobs().length, deletes('hospital').length]).toEqual([jobs, 0]);
  await expect.poll(() => server('hospital').jobs().length, { timeout: 20_000 }).toBe(jobs + 1);
  await expect.poll(() => server('hospital').jobs().at(-1)?.state, { timeout: 10_000 }).toBe('deleted');
});

async function cancel(started: StartedExport): Promise<number> {
  const before = Date.now();
  await started.cancel();
  expect((await failureOf(started.result())).code).toBe('Cancelled');
  return Date.now() - before;
}

test('a token endpoint that is away does not keep a cancelled export from its end, nor parts at the destination', async () => {
  const started = await stack.start({ server: 'secured' });
  const location = await waiting(started);
  await mkdir(join(location, '.export/parts'), { recursive: true });
  await writeFile(join(location, '.export/parts/left'), 'half a file');
  // Until the token has ended.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  server('secured').faults.add({ route: 'token', times: Infinity, do: { kind: 'answer', status: 503 } });
  expect(await cancel(started)).toBeLessThan(CLEAN_UP + 4000);
  await expect(access(join(location, '.export/parts'))).rejects.toThrow('ENOENT');
  expect((await started.progress()).warnings).toEqual([
    { code: 'DeleteFailed', message: expect.stringMatching(/token endpoint.*503/) },
  ]);
});

test('a destination that hangs does not keep a cancelled export from its end', async () => {
  const started = await stack.start({});
  const mark = join(await waiting(started), '.export/export.json');
  await rename(mark, `${mark}.away`);
  // Whoever opens it waits for somebody to write.
  execFileSync('mkfifo', [mark]);
  try {
    await started.pollNow();
    await vi.waitFor(async () => expect((await started.handle.describe()).raw.pendingActivities).toHaveLength(1));
    expect(await cancel(started)).toBeLessThan(CLEAN_UP + 4000);
  } finally {
    for (let waiters = 0; waiters < 3; waiters++) await (await open(mark, 'r+')).close();
  }
});

test.skipIf(!mayMount)('a destination that is read-only by now keeps no job on the server', async () => {
  const started = await stack.start({});
  const place = join(await waiting(started), '.export');
  execFileSync('mount', ['--bind', place, place]);
  try {
    execFileSync('mount', ['-o', 'remount,ro,bind', place]);
    await cancel(started);
    expect(deletes('hospital')).toHaveLength(1);
    expect((await started.progress()).warnings.map(({ code }) => code)).toEqual(['TracesLeft']);
  } finally {
    execFileSync('umount', ['-l', place]);
  }
});

test('a worker that dies with an activity that is to stop does not keep the job from being deleted', async () => {
  await stack.stopWorkers();
  const worker = await startWorkerProcess(stack);
  server('hospital').faults.clear();
  server('hospital').faults.add({ route: 'status', times: Infinity, do: { kind: 'hang' } });
  const started = await stack.start({});
  await vi.waitFor(() => expect(server('hospital').journal.some(({ route }) => route === 'status')).toBe(true), 15_000);
  await killWorker(worker);
  await stack.startWorkers();
  await cancel(started);
  expect(deletes('hospital')).toHaveLength(1);
});
