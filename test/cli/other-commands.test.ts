import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { SampleServer, SampleServerOptions } from '../../dev/sample-server/index.ts';
import { startSampleServer } from '../../dev/sample-server/index.ts';
import type { ExportRow } from '../../src/cli/export-rows.ts';
import type { ExportStatus } from '../../src/cli/export-status.ts';
import type { CliUser, RunningCommand } from '../support/cli.ts';
import { eventsOf, newCliUser, reportOf, untilProgress } from '../support/cli.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

// Several whole exports in each, by processes of their own.
vi.setConfig({ testTimeout: 600_000 });

/** Files of a second and more, so that the command can be ended in between. */
const SLOW: SampleServerOptions = {
  patients: 60,
  linesPerFile: 30,
  pollsUntilReady: 1,
  gzip: false,
  throttleBytesPerSecond: 30_000,
};

let user: CliUser;
beforeEach(async () => {
  user = await newCliUser();
});
afterEach(() => user.leave());

const isDownloading = ({ phase, files }: { phase: string; files?: { done: number } | undefined }): boolean =>
  phase === 'downloading' && (files?.done ?? 0) > 0;

function workflowIdOf(command: RunningCommand): string {
  const event = eventsOf(command.stdout()).find(({ kind }) => kind === 'export');
  return event?.kind === 'export' ? event.workflowId : '';
}

describe('with the embedded server', () => {
  test('an export whose command was killed is listed, explained, and cancelled with its job', async () => {
    const server: SampleServer = await startSampleServer(SLOW);
    const line = ['export', server.baseUrl, '--out', './a folder', '--json'];
    const command = user.start(line);
    await untilProgress(command, isDownloading);
    const workflowId = workflowIdOf(command);

    const running = await user.run(['status', workflowId, '--json']);
    expect(JSON.parse(running.stdout)).toMatchObject({ status: 'running', progress: { phase: 'downloading' } });
    command.child.kill('SIGKILL');
    await command.result;

    const list = await user.run(['list', '--json']);
    expect(JSON.parse(list.stdout) as ExportRow).toMatchObject({ workflowId, status: 'running', phase: 'downloading' });
    const status = JSON.parse((await user.run(['status', workflowId, '--json'])).stdout) as ExportStatus;
    expect(status).toMatchObject({
      workflowId,
      status: 'running',
      next: `fhir-bulk-export export ${server.baseUrl} --out './a folder' --json`,
    });
    expect(status).not.toHaveProperty('progress');

    // Nobody is there who could take it.
    expect(await user.run(['pause', workflowId])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Nobody runs this export now. To go on with it: fhir-bulk-export export'),
    });

    // Nor does it go on without a command, as whoever watches it learns.
    const watching = user.start(['watch', workflowId, '--json']);
    await expect.poll(() => watching.stdout(), { timeout: 30_000 }).toContain('Nobody runs this export now');
    watching.child.kill('SIGINT');
    const watched = await watching.result;
    expect(watched.code).toBe(130);
    expect(eventsOf(watched.stdout).at(-1)).toMatchObject({
      kind: 'interrupted',
      goesOn: false,
      next: `fhir-bulk-export export ${server.baseUrl} --out './a folder' --json`,
    });

    // Its files must not go to two places.
    expect(await user.quick(['export', server.baseUrl, '--out', './b', '--id', workflowId])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('to another place'),
    });

    const cancelled = await user.run(['cancel', workflowId]);
    expect(cancelled).toMatchObject({ code: 0, stdout: expect.stringContaining('was cancelled') });
    expect(server.journal.filter(({ route }) => route === 'delete')).toHaveLength(1);
    expect((await user.quick(['list'])).stdout).toMatch(new RegExp(`${workflowId} +127\\.0\\.0\\.1_\\S+ +cancelled`));
    expect((await user.quick(['cancel', workflowId])).stdout).toContain('has ended already');
    expect((await user.run(['status', workflowId])).code).toBe(4);
    expect(await user.quick(['resume', workflowId])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has ended'),
    });
    expect(await user.quick(['status', 'unknown'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('knows no export "unknown"'),
    });
    await server.close();
  });
});

describe('with a configured service', () => {
  let stack: Stack;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    stack = await startStack({ servers: { hospital: SLOW } });
    env = temporalEnv(stack);
  });
  afterAll(() => stack.close());
  const hospital = (): SampleServer => stack.servers['hospital'] as SampleServer;
  afterEach(() => hospital().faults.clear());

  test('workers elsewhere run an entry of theirs; Ctrl-C leaves them at it, and watch follows to the end', async () => {
    const command = user.start(['export', 'hospital', '--type', 'Patient,Condition,Observation', '--json'], env);
    await untilProgress(command, isDownloading);
    command.child.kill('SIGINT');
    const { code, stdout } = await command.result;
    expect(code).toBe(130);
    const workflowId = workflowIdOf(command);
    expect(eventsOf(stdout).at(-1)).toMatchObject({ goesOn: true, next: `fhir-bulk-export watch ${workflowId}` });
    expect(eventsOf(stdout)[0]).toMatchObject({
      kind: 'temporal',
      service: 'configured',
      address: stack.temporal.address,
    });

    const watched = await user.run(['watch', workflowId, '--json'], env);
    expect(watched.code).toBe(0);
    await expectExactFiles(reportOf(watched).location, hospital());
    // Temporal knows the end, though this user has no configuration to look at the files.
    const again = await user.quick(['export', 'hospital', '--type', 'Patient,Condition,Observation'], env);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('complete already') });
  });

  test('an id that is given again means the export of the same request alone', async () => {
    const nightly = ['export', 'hospital', '--id', 'nightly', '--json'];
    expect((await user.run([...nightly, '--group', 'all', '--type', 'Patient'], env)).code).toBe(0);
    const other = await user.run([...nightly, '--system', '--type', 'Patient'], env);
    expect(other).toMatchObject({ code: 0, stdout: expect.not.stringContaining('complete already') });
    expect(reportOf(other).location).toContain('system-full');
  });

  test('an export of workers elsewhere is followed only, and its folder is theirs', async () => {
    await writeFile(
      join(user.folder, 'fhir-bulk-export.yaml'),
      stringify({
        servers: { hospital: { baseUrl: hospital().baseUrl } },
        destinations: { local: { type: 'directory', path: './lake' } },
      }),
    );
    const slow = [
      'export',
      'hospital',
      '--id',
      'slow',
      '--type',
      'Patient,Condition,Observation',
      '--system',
      '--json',
    ];
    const first = user.start(slow, env);
    await untilProgress(first, isDownloading);
    const second = await user.run([...slow, '--worker'], env);
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('Workers elsewhere run it') });
    expect(reportOf(second)).toEqual(reportOf(await first.result));
    expect(await user.quick(['export', 'hospital', '--since', 'last'], env)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('workers elsewhere need not share'),
    });
    expect(await user.quick(['export', 'hospital', '--config', 'fhir-bulk-export.yaml'], env)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('--config is for a worker here'),
    });
  });

  test('a bare URL runs here, on a queue that other workers do not serve', async () => {
    const result = await user.run(['export', hospital().baseUrl, '--type', 'Patient', '--json'], env);
    expect(result.code).toBe(0);
    expect(reportOf(result).location).toContain(user.folder);
    const [started] = eventsOf(result.stdout).filter(({ kind }) => kind === 'export');
    const handle = stack.client.workflow.getHandle(started?.kind === 'export' ? started.workflowId : '');
    expect((await handle.describe()).taskQueue).toMatch(/^fhir-bulk-export\.here\.[0-9a-f]{12}$/);
  });

  test('a workflow that is no export is left alone', async () => {
    const other = await stack.client.workflow.start('other', { taskQueue: 'nobody', workflowId: 'other' });
    for (const name of ['status', 'watch', 'pause', 'cancel']) {
      expect(await user.quick([name, 'other'], env)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('of the type other, and no export'),
      });
    }
    expect((await other.describe()).status.name).toBe('RUNNING');
    await other.terminate();
  });

  test('a service that cannot be reached is named; no other one is used instead', async () => {
    const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    expect(await user.run(['export', hospital().baseUrl], nowhere)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('Temporal at 127.0.0.1:1 cannot be used'),
    });
  });
});
