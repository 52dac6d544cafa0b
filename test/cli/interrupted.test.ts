import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { JournalEntry, SampleServer } from '../../dev/sample-server/index.ts';
import { startSampleServer } from '../../dev/sample-server/index.ts';
import { openSmallDisk } from '../chaos/small-disk.ts';
import type { CliUser, RunningCommand } from '../support/cli.ts';
import { stateFolder } from '../../src/temporal-server/embedded.ts';
import { eventsOf, newCliUser, reportOf, untilProgress } from '../support/cli.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { killLeftProcesses } from '../support/left-processes.ts';

// Several whole exports in each, by processes of their own.
vi.setConfig({ testTimeout: 600_000 });

let user: CliUser;
let server: SampleServer;
/** Of all exports of a test. */
let out: string;
let line: string[];
/** Files that were done when the command was ended. */
let done: number;

beforeAll(async () => {
  user = await newCliUser();
});
afterAll(() => user.leave());
beforeEach(async (context) => {
  out = join(user.folder, context.task.id);
  // Files of a second and more, so that some are done and some are not when the command ends.
  server = await startSampleServer({
    patients: 60,
    linesPerFile: 30,
    pollsUntilReady: 1,
    gzip: false,
    throttleBytesPerSecond: 30_000,
  });
  line = ['export', server.baseUrl, '--type', 'Patient,Condition,Observation', '--out', out, '--json'];
});
afterEach(() => server.close());

const requests = (route: JournalEntry['route']): JournalEntry[] =>
  server.journal.filter((entry) => entry.route === route);

/** Starts the command, and returns in the middle of the downloads. */
async function startAndWait(...more: string[]): Promise<RunningCommand> {
  const command = user.start([...line, ...more]);
  const { files } = await untilProgress(
    command,
    ({ phase, files }) => phase === 'downloading' && (files?.done ?? 0) >= 2,
  );
  done = files?.done ?? 0;
  return command;
}

async function kill(command: RunningCommand): Promise<void> {
  const exited = once(command.child, 'exit');
  command.child.kill('SIGKILL');
  await exited;
}

/** Runs the same command; it must end with all files, of one job, and fetch none again of those that were done. */
async function goOn(how: string): Promise<void> {
  const whole = new Set(
    requests('file')
      .filter(({ finished }) => finished)
      .map(({ url }) => url),
  );
  const again = await user.run(line);
  expect(again.code).toBe(0);
  expect(eventsOf(again.stdout)).toContainEqual(expect.objectContaining({ kind: 'export', how }));
  await expectExactFiles(reportOf(again).location, server);
  expect(requests('kickOff')).toHaveLength(1);
  expect(requests('delete')).toHaveLength(1);
  // Of those that had been sent whole, the last ones may not have been stored yet.
  const once = [...whole].filter((url) => requests('file').filter((entry) => entry.url === url).length === 1);
  expect(done).toBeGreaterThanOrEqual(2);
  expect(once.length).toBeGreaterThanOrEqual(done);
}

test('killed in the middle: the same command goes on, with the same job', async () => {
  await kill(await startAndWait());
  await goOn('running');
});

test('Ctrl-C once: it says how to go on, and the same command does', async () => {
  const command = await startAndWait();
  command.child.kill('SIGINT');
  const { code, stdout } = await command.result;
  expect(code).toBe(130);
  const last = eventsOf(stdout).at(-1);
  expect(last).toEqual({
    kind: 'interrupted',
    workflowId: expect.any(String),
    goesOn: false,
    next: `fhir-bulk-export ${line.join(' ')}`,
  });
  expect(requests('delete')).toHaveLength(0);
  await goOn('running');
});

test('Ctrl-C with --cancel-on-interrupt: the job is deleted', async () => {
  const command = await startAndWait('--cancel-on-interrupt');
  command.child.kill('SIGINT');
  const { code, stdout } = await command.result;
  expect(code).toBe(4);
  expect(eventsOf(stdout).at(-1)).toMatchObject({ kind: 'cancelled' });
  expect(requests('delete')).toHaveLength(1);
});

test('SIGTERM ends it in order; a second Ctrl-C ends a command that waits for the server', async () => {
  const terminated = await startAndWait();
  terminated.child.kill('SIGTERM');
  expect((await terminated.result).code).toBe(143);
  expect(requests('delete')).toHaveLength(0);

  server.faults.add({ route: 'delete', times: Infinity, do: { kind: 'delay', ms: 600_000 } });
  const waiting = user.start([...line, '--cancel-on-interrupt']);
  await untilProgress(waiting, ({ phase }) => phase === 'downloading');
  waiting.child.kill('SIGINT');
  await expect.poll(() => requests('delete').length, { timeout: 60_000 }).toBe(1);
  // One that comes at once would be the same.
  await sleep(1000);
  const exited = once(waiting.child, 'exit');
  waiting.child.kill('SIGINT');
  expect(await exited).toEqual([null, 'SIGINT']);

  server.faults.clear();
  const begun = eventsOf(waiting.stdout()).find(({ kind }) => kind === 'export');
  const id = begun?.kind === 'export' ? begun.workflowId : '';
  expect(await user.run(['cancel', id])).toMatchObject({ code: 0, stdout: expect.stringContaining('was cancelled') });
  expect(requests('kickOff')).toHaveLength(1);
  expect(requests('delete').at(-1)?.status).toBe(202);
});

test('killed together with the embedded server, whose state is lost, too: the folder is enough', async () => {
  await kill(await startAndWait());
  await killLeftProcesses(user.folder);
  await rm(join(user.data, 'fhir-bulk-export/temporal'), { recursive: true });
  await goOn('resumed');
});

test('the embedded server is killed: the export goes on by itself', async () => {
  const command = await startAndWait();
  const pidFile = join(await stateFolder({ XDG_DATA_HOME: user.data }), 'server.pid');
  process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL');
  const result = await command.result;
  expect(result.code).toBe(0);
  await expectExactFiles(reportOf(result).location, server);
  expect(requests('kickOff')).toHaveLength(1);
});

test('the disk is full: it says where, and when there is space the same command goes on', async (context) => {
  let command: RunningCommand | undefined;
  const disk = await openSmallDisk(out, () => ({ pids: [command?.child.pid ?? 0] }));
  if (disk === undefined) return context.skip('needs mount or prlimit');
  try {
    command = await startAndWait();
    await disk.fill();
    const { code, stdout } = await command.result;
    expect(code).toBe(3);
    const said = disk.isEverywhere ? '.* \\(EFBIG\\)' : 'no space is left \\(ENOSPC, 0 MB of \\d+ MB free\\)';
    expect(eventsOf(stdout).at(-1)).toMatchObject({
      kind: 'failure',
      code: 'DestinationFailed',
      message: expect.stringMatching(new RegExp(`^DestinationFailed: ${out}/.*: ${said}`)),
      next: expect.stringMatching(/^Fix what the message names \(space, .*, then start again with the same request/),
    });
    expect(requests('delete')).toHaveLength(0);
    await disk.free();
    await goOn('resumed');
  } finally {
    await disk.close();
  }
});

test('two commands of the same folder follow one export, whatever its id', async () => {
  // The first one must not be over before the second one has begun.
  const busy = { kind: 'answer', status: 503 } as const;
  server.faults.add({ route: 'file', skip: 3, times: Infinity, do: busy });
  const first = await startAndWait();
  const following = user.start([...line, '--id', 'another']);
  await untilProgress(following, () => true);
  server.faults.clear();
  const begun = eventsOf(first.stdout()).find(({ kind }) => kind === 'export');
  expect((await user.quick(['retry', begun?.kind === 'export' ? begun.workflowId : ''])).code).toBe(0);
  const second = await following.result;
  expect(eventsOf(second.stdout)).toContainEqual(
    expect.objectContaining({ kind: 'export', how: 'running', workflowId: expect.not.stringMatching('another') }),
  );
  expect([second.code, (await first.result).code]).toEqual([0, 0]);
  expect(reportOf(second)).toEqual(reportOf(await first.result));
  expect(requests('kickOff')).toHaveLength(1);
});

test('killed after its files are complete: --since last goes on with it first, so that its job is deleted', async () => {
  server.faults.add({ route: 'delete', times: Infinity, do: { kind: 'answer', status: 503 } });
  line = ['export', server.baseUrl, '--type', 'Patient', '--since', 'last', '--json'];
  const command = user.start(line);
  await expect.poll(() => requests('delete').length, { timeout: 60_000 }).toBeGreaterThan(0);
  await kill(command);
  server.faults.clear();
  const again = await user.run(line);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('goes on first') });
  expect(eventsOf(again.stdout)).toContainEqual(expect.objectContaining({ kind: 'export', how: 'running' }));
  expect(requests('kickOff')).toHaveLength(1);
  expect(requests('delete').at(-1)?.status).toBe(202);
});
