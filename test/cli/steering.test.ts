import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportStatus } from '../../src/cli/export-status.ts';
import type { CliUser } from '../support/cli.ts';
import { eventsOf, newCliUser, untilProgress } from '../support/cli.ts';
import { temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

// Several whole exports in each, by processes of their own.
vi.setConfig({ testTimeout: 600_000 });

let stack: Stack;
let hospital: SampleServer;
let env: NodeJS.ProcessEnv;
let user: CliUser;
beforeAll(async () => {
  // Files of a second and more, so that a command can come in between.
  const slow = { patients: 60, linesPerFile: 30, pollsUntilReady: 1, gzip: false, throttleBytesPerSecond: 30_000 };
  stack = await startStack({ servers: { hospital: slow } });
  hospital = stack.servers['hospital'] as SampleServer;
  env = temporalEnv(stack);
  user = await newCliUser();
});
afterEach(() => hospital.faults.clear());
afterAll(async () => {
  await user?.leave();
  await stack?.close();
});

const run = (...args: string[]) => user.run(args, env);
/** What has been run as a process of its own before. */
const again = (...args: string[]) => user.quick(args, env);
const isDownloading = ({ phase, files }: { phase: string; files?: { done: number } | undefined }): boolean =>
  phase === 'downloading' && (files?.done ?? 0) > 0;

test('an export is paused, resumed, repaired, and ended with what is there', async () => {
  const lose = { route: 'file', times: Infinity, do: { kind: 'answer', status: 400 } } as const;
  const busy = { kind: 'answer', status: 503 } as const;
  hospital.faults.add({ route: 'file', skip: 1, times: Infinity, do: busy });
  const steered = ['export', 'hospital', '--type', 'Patient,Condition', '--on-incomplete', 'wait', '--json'];
  const command = user.start([...steered, '--id', 'repaired'], env);
  await untilProgress(command, isDownloading);
  const paused = await run('pause', 'repaired', '--what', 'downloads', '--now', '--json');
  expect(paused.code).toBe(0);
  expect(JSON.parse(paused.stdout)).toMatchObject({ phase: 'downloading', paused: { what: 'downloads' } });
  expect((await run('status', 'repaired')).stdout).toMatch(/paused: downloads, since /);
  hospital.faults.clear();
  hospital.faults.add(lose);
  expect(await run('resume', 'repaired')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^repaired: downloading · deadline \d{4}-/),
  });
  expect(await again('resume', 'repaired')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not paused'),
  });
  // Also what was put off is due.
  expect((await run('retry', 'repaired')).code).toBe(0);

  await untilProgress(command, ({ phase }) => phase === 'needs-attention');
  // It may have been so before the retry, too.
  const status = async () => (await again('status', 'repaired')).stdout;
  await expect.poll(status, { timeout: 60_000 }).toMatch(/missing: .*could not be downloaded/);
  expect(await again('retry', 'repaired', 'Group.00001.ndjson')).toMatchObject({ code: 1, stdout: '' });
  hospital.faults.clear();
  expect((await again('retry', 'repaired')).code).toBe(0);
  expect((await command.result).code).toBe(0);

  for (const [id, ...how] of [
    ['finished', 'finish-incomplete', '--reason', 'the server has lost it'],
    ['given-up', 'give-up'],
  ] as const) {
    hospital.faults.add(lose);
    const ending = user.start([...steered, '--path', id, '--id', id], env);
    await untilProgress(ending, ({ phase }) => phase === 'needs-attention');
    const [name, ...options] = how;
    expect((await run(name, id, ...options)).code).toBe(0);
    const { code, stdout } = await ending.result;
    expect([code, eventsOf(stdout).at(-1)]).toEqual([3, expect.objectContaining({ code: 'IncompleteExport' })]);
    expect(await again('status', id)).toMatchObject({ code: 3, stdout: expect.stringContaining('What to do: ') });
    hospital.faults.clear();
  }
  expect((await again('finish-incomplete', 'finished')).code).toBe(64);
});

test('an export gets fewer downloads at a time, and its limit back', async () => {
  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'delay', ms: 2000 } });
  const command = user.start(['export', 'hospital', '--system', '--json', '--id', 'limited'], env);
  await untilProgress(command, ({ phase }) => phase === 'downloading');
  const limited = await run('set-concurrency', 'limited', '1', '--json');
  expect(limited).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(limited.stdout)).toMatchObject({ phase: 'downloading', concurrency: 1 });
  expect((await again('status', 'limited')).stdout).toMatch(/at most 1 file at a time$/m);
  const { progress } = JSON.parse((await again('status', 'limited', '--json')).stdout) as ExportStatus;
  expect(progress).toMatchObject({ concurrency: 1 });

  hospital.faults.clear();
  expect(await again('set-concurrency', 'limited', '64')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^limited: downloading · at most 64 files at a time · deadline \d{4}-/),
  });
  expect((await again('status', 'limited')).stdout).not.toContain('at a time');
  expect((await command.result).code).toBe(0);
  expect(await again('set-concurrency', 'limited', '2')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('limited has ended'),
  });
});

test.each(['0', '65', '2.5', '-1', 'two', ''])(
  'set-concurrency %j is refused before anybody is asked',
  async (most) => {
    const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    expect(await user.quick(['set-concurrency', 'limited', '--', most], nowhere)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('It must be a whole number from 1 to 64.'),
    });
  },
);

test('an export that waits for its server goes on at once', async () => {
  hospital.faults.add({ route: 'status', do: { kind: 'headers', set: { 'retry-after': '3600' } } });
  const command = user.start(['export', 'hospital', '--type', 'Patient', '--json', '--id', 'waiting'], env);
  await untilProgress(command, ({ nextPollAt = '' }) => Date.parse(nextPollAt) > Date.now() + 600_000);
  const paused = await again('pause', 'waiting', '--what', 'polls');
  expect(paused.code).toBe(0);
  // It is made up for after the pause.
  const polled = await run('poll-now', 'waiting', '--json');
  expect(polled).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(polled.stdout)).toMatchObject({ phase: 'waiting', paused: { what: 'polls' } });
  expect(JSON.parse(polled.stdout)).not.toHaveProperty('server');
  expect((await again('resume', 'waiting')).code).toBe(0);
  expect((await command.result).code).toBe(0);

  hospital.faults.add({ route: 'status', do: { kind: 'headers', set: { 'retry-after': '3600' } } });
  const anew = ['export', 'hospital', '--type', 'Patient', '--json', '--id', 'waiting-again', '--again'];
  const other = user.start(anew, env);
  await untilProgress(other, ({ nextPollAt = '' }) => Date.parse(nextPollAt) > Date.now() + 600_000);
  expect(await again('poll-now', 'waiting-again')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^waiting-again: \w[\w-]* · deadline \d{4}-/),
  });
  expect((await other.result).code).toBe(0);
  expect(await again('poll-now', 'waiting-again')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has ended'),
  });
});
