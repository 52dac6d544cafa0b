import type { ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { patientId } from '../../dev/sample-server/generate/people.ts';
import { exportRows } from '../../src/cli/export-rows.ts';
import { describeStatus, exportStatus } from '../../src/cli/export-status.ts';
import { answerOf, knownExport } from '../../src/cli/one-export.ts';
import type { Temporal } from '../../src/cli/temporal.ts';
import { spawnOwned } from '../../src/programs/child.ts';
import { getExport, payloadEncryption, startExport } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker, temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

const COMMAND = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
/** A patient of the server. */
const patient = patientId(1);
const TOKEN = randomBytes(24).toString('base64url');

let stack: Stack;
let folder: string;
/** Variables of all our programs. */
let env: NodeJS.ProcessEnv;
/** A client with the keys, as services have one. */
let client: Client;
let worker: RealWorker;
let codecServer: ChildProcess;
let endpoint: string;

const run = promisify(execFile);
const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}\n`;

beforeAll(async () => {
  stack = await startStack({ workers: false, servers: { hospital: { patients: 3, pollsUntilReady: 0 } } });
  folder = await mkdtemp(join(tmpdir(), 'encrypted-'));
  const [keys, token] = [join(folder, 'keys'), join(folder, 'token')];
  await writeFile(keys, newKey('2026-11') + newKey('2026-05'));
  await writeFile(token, `${TOKEN}\n`);
  env = { ...temporalEnv(stack), BULK_EXPORT_ENCRYPTION_KEYS_FILE: keys };
  const { connection } = stack.client;
  const { namespace = 'default' } = stack.temporal;
  client = new Client({ connection, namespace, dataConverter: payloadEncryption(env) ?? {} });
  worker = await startRealWorker(stack, env);
  codecServer = spawnOwned(COMMAND, ['codec-server', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env, BULK_EXPORT_CODEC_TOKEN_FILE: token },
  });
  const [line] = (await once(createInterface({ input: codecServer.stdout! }), 'line')) as [string];
  endpoint = line.replace('Codec server: ', '');
});
afterAll(async () => {
  await killWorker(worker.child);
  const ended = once(codecServer, 'exit');
  codecServer.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await stack.close();
  await rm(folder, { recursive: true, force: true });
});

/** What Temporal's CLI shows, of a workflow of the stack. */
async function temporal(command: string, workflowId: string, args: readonly string[] = []): Promise<string> {
  const where = ['--address', stack.temporal.address, '--namespace', stack.temporal.namespace ?? 'default'];
  const all = ['workflow', command, '--workflow-id', workflowId, '--output', 'json', ...where, ...args];
  // Of a workflow that has failed, the result is an exit code.
  const { stdout, stderr } = await run(inject('temporalCli'), all).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return stdout + stderr;
}

/** A history as the CLI shows it, with the payloads' base64 as text. */
async function shownHistory(workflowId: string, args: readonly string[] = []): Promise<string> {
  const shown = await temporal('show', workflowId, args);
  return shown.replace(/"data": "([^"]*)"/g, (_all, data: string) => Buffer.from(data, 'base64').toString('latin1'));
}

const byCodec = (): string[] => ['--codec-endpoint', endpoint, '--codec-auth', `Bearer ${TOKEN}`];

/** All that Temporal holds of a run, with the bytes of payloads as text. */
async function rawHistory(workflowId: string): Promise<string> {
  return textsIn(await stack.client.workflow.getHandle(workflowId).fetchHistory()).join('\n');
}

function textsIn(value: unknown): string[] {
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('latin1')];
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsIn);
  return typeof value === 'string' ? [value] : [];
}

const start = (workflowId: string, request: Partial<ExportRequest>, by = client) =>
  startExport(
    by,
    { server: 'hospital', level: 'system', parameters: { _type: 'Patient' }, ...request } as ExportRequest,
    {
      workflowId,
    },
  );

test('an export of a caller without keys runs: exports that began before the keys end with them', async () => {
  await start('plain', {}, stack.client);
  const { resources, location } = await getExport(client, 'plain').result();
  expect(resources).toBe(3);
  expect(await rawHistory('plain')).toContain('"_type":"Patient"');
  expect(await readFile(join(location, 'Patient.00001.ndjson'), 'utf8')).toContain(patient);

  // The worker has given it a memo that the caller cannot read.
  const { address, namespace = 'default' } = stack.temporal;
  const by = (one: Client): Temporal => ({
    service: 'configured',
    address,
    namespace,
    client: one,
    connectionOptions: { address },
    close: async () => {},
  });
  const memoOf = async (one: Client) => (await knownExport(by(one), 'plain')).description.memo;
  expect(await memoOf(client)).toMatchObject({ location });
  expect(await memoOf(stack.client)).not.toMatchObject({ location: expect.anything() as unknown });
  const withOthers = new Client({
    connection: stack.client.connection,
    namespace,
    dataConverter: payloadEncryption({ BULK_EXPORT_ENCRYPTION_KEYS: newKey('2026-11').trim() }) ?? {},
  });
  const fix = 'Give this command the keys of the workers';
  for (const one of [stack.client, withOthers]) {
    // The worker answers, which must not pass for silence: an operator would cancel an export that is well.
    const why = one === withOthers ? /with the key "2026-11"|cannot be decrypted/ : /there are no keys here/;
    const look = await answerOf(by(one), 'plain');
    expect(look).toEqual({ kind: 'unreadable', why: expect.stringMatching(why) as string });
    const status = await exportStatus(by(one), 'plain');
    expect(status).toMatchObject({ status: 'completed', unreadable: expect.stringContaining(fix) as string });
    expect(describeStatus(status).join('\n')).toMatch(
      /^plain: completed, started [^]*How it ended cannot be read here/,
    );
    const listed = async () => (await exportRows(by(one), 10)).map(({ workflowId }) => workflowId);
    await expect.poll(listed, { timeout: 60_000 }).toContain('plain');
  }
});

describe('an export of named patients', () => {
  test('is unreadable in Temporal, and readable through the codec server', async () => {
    const parameters = { _type: 'Patient', patient: [`Patient/${patient}`] };
    const started = await start('of-patients', { level: 'patient', parameters });
    const report = await started.result();
    expect(report.location).toContain('of-patients');
    expect((await started.progress()).phase).toBe('complete');

    const raw = await rawHistory('of-patients');
    expect(raw).toContain('binary/aes-256-gcm');
    const without = await shownHistory('of-patients');
    expect(without).toContain('WORKFLOW_EXECUTION_COMPLETED');
    for (const text of [patient, report.transactionTime]) {
      expect(raw).not.toContain(text);
      expect(without).not.toContain(text);
    }

    const shown = await shownHistory('of-patients', byCodec());
    expect(shown).toContain(`Patient/${patient}`);
    expect(shown).toContain(report.transactionTime);
    expect(JSON.parse(await temporal('result', 'of-patients', byCodec()))).toMatchObject({
      result: { status: report.status },
    });
  });

  test('that fails does not say why to whoever has no key', async () => {
    const path = 'away';
    await expect(
      (await start('fails', { destination: { name: 'elsewhere-4711', path } })).result(),
    ).rejects.toMatchObject({
      code: 'UnknownDestination',
      message: expect.stringContaining('elsewhere-4711') as string,
    });
    const raw = await rawHistory('fails');
    // The code, which operators search for, is in clear text.
    expect(raw).toContain('UnknownDestination');
    expect(raw).toContain('Encoded failure');
    expect(raw).not.toMatch(/4711|at .*\.js/);
    expect(await temporal('result', 'fails', byCodec())).toContain('elsewhere-4711');
  });

  test('can be started by the CLI of Temporal, encrypted', async () => {
    const input = { server: 'hospital', level: 'patient', parameters: { _type: 'Patient', patient } };
    const given = ['--type', 'bulkExport', '--task-queue', 'fhir-bulk-export', '--input', JSON.stringify(input)];
    await temporal('start', 'by-cli', [...given, ...byCodec()]);
    expect((await getExport(client, 'by-cli').result()).status).toMatch(/^complete/);
    expect(await rawHistory('by-cli')).not.toContain(patient);
  });
});

test('the check of a server has the keys', async () => {
  const { stdout } = await run(process.execPath, [COMMAND, 'check', 'hospital'], { env: { ...process.env, ...env } });
  expect(stdout).toContain('ok');
});
