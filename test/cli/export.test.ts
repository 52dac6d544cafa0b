import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { operationOutcome, startSampleServer } from '../../dev/sample-server/index.ts';
import type { CliUser } from '../support/cli.ts';
import { eventsOf, newCliUser, reportOf } from '../support/cli.ts';
import { expectExactFiles } from '../support/exported-files.ts';

// Several whole exports in each, by processes of their own.
vi.setConfig({ testTimeout: 600_000 });

let user: CliUser;
let server: SampleServer;

beforeAll(async () => {
  user = await newCliUser();
  server = await startSampleServer({ patients: 5, pollsUntilReady: 1 });
});
afterAll(async () => {
  await user.leave();
  await server.close();
});

const kickOffs = (): number => server.journal.filter(({ route }) => route === 'kickOff').length;

test('one line ends with files; the same line again says that they are there; --again makes others', async () => {
  const before = kickOffs();
  const line = ['export', server.baseUrl, '--type', 'Patient,Condition'];
  const first = await user.run(line);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^Temporal: embedded, Web UI http:\/\/127\.0\.0\.1:\d+ \(state in .*\)\nExport 127/);
  expect(first.stdout).toMatch(/Complete: 2 files, \d+ resources, .* in \d+ s/);
  const location = /^ {2}files +(.*)$/m.exec(first.stdout)?.[1] as string;
  // Without --out in the folder where the command ran.
  expect(location.startsWith(join(user.folder, 'exports/'))).toBe(true);
  await expectExactFiles(location, server);
  expect(kickOffs()).toBe(before + 1);
  expect(server.journal.filter(({ route }) => route === 'delete')).toHaveLength(1);

  const second = await user.run([...line, '--json']);
  expect(second.code).toBe(0);
  expect(reportOf(second).location).toBe(location);
  expect(second.stdout).toContain('complete already');
  expect(kickOffs()).toBe(before + 1);

  const third = await user.run([...line, '--again', '--json']);
  expect(third.code).toBe(0);
  expect(reportOf(third).location).toMatch(new RegExp(`^${location}-\\d{8}T\\d{6}Z$`));
  await expectExactFiles(reportOf(third).location, server);
  expect(kickOffs()).toBe(before + 2);
});

test('--json: one object on each line, in order', async () => {
  const { stdout } = await user.run(['export', server.baseUrl, '--system', '--type', 'Patient', '--json']);
  const events = eventsOf(stdout);
  expect(events[0]).toMatchObject({ kind: 'temporal', service: 'embedded' });
  expect(events[1]).toMatchObject({ kind: 'export', how: 'started' });
  expect(events.at(-1)).toMatchObject({ kind: 'report', report: { status: 'complete', files: 1, resources: 5 } });
  const phases = events.flatMap((event) => (event.kind === 'progress' ? [event.progress.phase] : []));
  expect(phases.length).toBeGreaterThan(0);
  expect(events.length).toBe(phases.length + 3);
});

test('exit codes tell issues, failures and wrong options apart', async () => {
  const withIssues = await startSampleServer({
    patients: 2,
    pollsUntilReady: 0,
    messages: [{ severity: 'error', code: 'exception', text: 'one patient could not be read' }],
  });
  const issues = await user.run(['export', withIssues.baseUrl, '--type', 'Patient']);
  expect(issues.code).toBe(2);
  expect(issues.stdout).toMatch(/Complete, with issues:[^]*issue +error exception: 1/);
  await withIssues.close();

  server.faults.add({
    route: 'kickOff',
    do: {
      kind: 'answer',
      status: 400,
      body: operationOutcome({ severity: 'error', code: 'forbidden', text: 'not for you' }),
    },
  });
  const failed = await user.run(['export', server.baseUrl, '--group', 'all', '--json']);
  expect(failed.code).toBe(3);
  expect(eventsOf(failed.stdout).at(-1)).toMatchObject({
    kind: 'failure',
    code: 'KickOffRejected',
    message: expect.stringContaining('not for you'),
    next: expect.any(String),
  });

  const before = kickOffs();
  for (const [args, words] of [
    [['export', server.baseUrl, '--since', 'yesterday'], /_since: .* must be a FHIR instant/],
    [['export', server.baseUrl, '--group', 'a', '--system'], /one of --group/],
    [['export', 'http://fhir.example.org/r4'], /http:\/\/fhir.example.org\/r4 .*https/],
    [['export', 'http://'], /must be a URL/],
    [['export', 'fhir.example.org/r4'], /a URL begins with https:/],
    [['export', server.baseUrl, '--param', '_until'], /NAME=VALUE/],
    [['check', server.baseUrl], /Only an entry/],
    [['export', server.baseUrl, '--path', '../elsewhere'], /--path must not contain/],
    [['export', server.baseUrl, '--out', ''], /--out is empty/],
    [['export', server.baseUrl, '--typ', 'Patient'], /Did you mean --type\?/],
    [['exprot'], /Did you mean export\?/],
  ] as const) {
    expect(await user.quick(args)).toMatchObject({ code: 64, stderr: expect.stringMatching(words) });
  }
  expect(kickOffs()).toBe(before);
});

describe('--since last, of an entry of the configuration', () => {
  let hospital: SampleServer;
  let config: string;
  beforeAll(async () => {
    hospital = await startSampleServer({ patients: 4, pollsUntilReady: 0 });
    config = join(user.folder, 'fhir-bulk-export.yaml');
    await writeFile(
      config,
      stringify({
        servers: { hospital: { baseUrl: hospital.baseUrl, maxConcurrentExports: 1 } },
        destinations: { local: { type: 'directory', path: './lake' } },
      }),
    );
  });
  afterAll(async () => {
    await hospital.close();
    await rm(config, { force: true });
  });

  const last = ['export', 'hospital', '--type', 'Patient', '--since', 'last', '--json'];
  const sinceOf = (job: number): string | null =>
    new URL(
      hospital.journal.filter(({ route }) => route === 'kickOff').at(job)?.url ?? '',
      hospital.baseUrl,
    ).searchParams.get('_since');

  test('goes on where a complete export ended, without a gap', async () => {
    const first = await user.run(last);
    expect(first.stdout).toContain('exporting all data');
    expect(reportOf(first)).toMatchObject({
      resources: 4,
      location: expect.stringContaining(join(user.folder, 'lake/hospital/')),
    });
    expect(sinceOf(-1)).toBeNull();

    hospital.change({ updated: 2 });
    const second = await user.run(last);
    expect(sinceOf(-1)).toBe(reportOf(first).transactionTime);
    expect(reportOf(second)).toMatchObject({ status: 'complete', resources: 2 });

    // An export of another request is no step of this one, nor is one with a gap before it, nor one with issues.
    await user.run(['export', 'hospital', '--type', 'Patient,Condition', '--json']);
    const gap = new Date(Date.now() + 60_000).toISOString();
    expect((await user.run(['export', 'hospital', '--type', 'Patient', '--since', gap, '--json'])).code).toBe(0);
    hospital.change({ updated: 1 });
    const third = await user.run(last);
    expect(sinceOf(-1)).toBe(reportOf(second).transactionTime);
    expect(reportOf(third)).toMatchObject({ resources: 1 });
  });

  test('asks each time, and is never answered with what is there', async () => {
    const asked = (): number => hospital.journal.filter(({ route }) => route === 'kickOff').length;
    const before = asked();
    const none = await user.run(last);
    expect(none.code).toBe(0);
    expect(reportOf(none)).toMatchObject({ resources: 0 });
    expect(asked()).toBe(before + 1);
    hospital.change({ updated: 1 });
    const changed = await user.run(last);
    expect(reportOf(changed)).toMatchObject({ resources: 1 });
    expect(asked()).toBe(before + 2);
    expect(reportOf(changed).location).not.toBe(reportOf(none).location);

    // Gates of exports that are over are left to nobody.
    const found = eventsOf(changed.stdout).find(({ kind }) => kind === 'temporal');
    const connection = await Connection.connect({ address: found?.kind === 'temporal' ? found.address : '' });
    const gates = { namespace: 'default', query: "WorkflowType = 'exportGate'" };
    const left = async (): Promise<number> =>
      (await connection.workflowService.listWorkflowExecutions(gates)).executions.length;
    await expect.poll(left, { timeout: 30_000 }).toBe(0);
    await connection.close();
  });

  test('an export with issues is not the answer to the next one', async () => {
    const issues = await startSampleServer({
      patients: 2,
      pollsUntilReady: 0,
      messages: [{ severity: 'error', code: 'exception', text: 'one patient could not be read' }],
    });
    const lastOfIssues = ['export', issues.baseUrl, '--type', 'Patient', '--since', 'last', '--json'];
    expect((await user.run(lastOfIssues)).code).toBe(2);
    expect((await user.run(lastOfIssues)).code).toBe(2);
    expect(issues.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(2);
    await issues.close();
  });

  test('without a configuration nothing is begun', async () => {
    await rm(config);
    expect(await user.run(last)).toMatchObject({ code: 1, stderr: expect.stringContaining('No configuration') });
  });
});

test('logs of workers are kept for their owner alone', async () => {
  const logs = await readdir(join(user.data, 'fhir-bulk-export/logs'));
  expect(logs.length).toBeGreaterThan(0);
  expect((await stat(join(user.data, 'fhir-bulk-export/logs'))).mode & 0o077).toBe(0);
  expect((await stat(join(user.data, 'fhir-bulk-export/logs', logs[0] as string))).mode & 0o077).toBe(0);
  expect(await readFile(join(user.data, 'fhir-bulk-export/logs', logs[0] as string), 'utf8')).toContain('"level"');
});

test('check: without a configured service its worker is in the command', async () => {
  const config = join(user.folder, 'check.yaml');
  await writeFile(
    config,
    stringify({
      servers: { hospital: { baseUrl: server.baseUrl } },
      destinations: { local: { type: 'directory', path: './lake' } },
    }),
  );
  const env = { BULK_EXPORT_CONFIG: config };
  expect(await user.run(['check', 'hospital'], env)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/ok +destination local/),
  });
  expect(await user.quick(['check', 'other'], env)).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('no server "other"; it has hospital'),
  });
});
