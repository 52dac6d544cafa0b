import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownWords } from '../../src/policy/own-words.ts';
import { findSecrets } from '../support/secret-scan.ts';
import type { LoudWorker } from '../support/secrets-of-runs.ts';
import { startLoudWorker } from '../support/secrets-of-runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

/** Whom a request or the server's answer to it names. */
const PATIENT = 'zq-patient-4711';
const SAID = `${PATIENT} is nobody here`;

let stack: Stack;
let worker: LoudWorker;

beforeAll(async () => {
  const fast = { patients: 2, pollsUntilReady: 1, retryAfter: '1' };
  stack = await startStack({ workers: false, servers: { refusing: fast, failing: fast, busy: fast } });
  const issue = [{ severity: 'error', code: 'not-found', diagnostics: SAID }];
  const body = JSON.stringify({ resourceType: 'OperationOutcome', issue });
  stack.servers['refusing']!.faults.add({
    route: 'kickOff',
    times: Infinity,
    do: { kind: 'answer', status: 422, body },
  });
  stack.servers['failing']!.faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 500, body } });
  stack.servers['busy']!.faults.add({
    route: 'status',
    times: 2,
    do: { kind: 'answer', status: 503, headers: { 'retry-after': '1' }, body: SAID },
  });
  stack.servers['busy']!.faults.add({ route: 'file', do: { kind: 'answer', status: 404 } });
  worker = await startLoudWorker(stack);
});
afterAll(async () => {
  await worker.kill();
  await stack.close();
});

/** Lines of the log of one server. */
function linesOf(server: string): Record<string, unknown>[] {
  const lines = worker.logs().split('\n');
  return lines
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['server'] === server);
}

/** Runs an export that fails, and gives why it did, as the log says it. */
async function failAndRead(request: Parameters<Stack['fail']>[0]): Promise<{ message: string; reason: unknown }> {
  const reasons = (): unknown[] =>
    worker
      .logs()
      .split('\n')
      .filter((line) => line.includes('"msg":"export ended"'))
      .map((line) => (JSON.parse(line) as { reason: unknown }).reason);
  const before = reasons().length;
  const { message } = await stack.fail(request);
  await expect.poll(() => reasons().length, { timeout: 20_000 }).toBe(before + 1);
  return { message, reason: reasons().at(-1) };
}

test.each([
  ['refused', 'refusing', `Patient/${PATIENT}`, /^KickOffRejected: HTTP 422 \(its words are not kept/],
  ['failed by the server', 'failing', 'Patient/pat-1', /^ExportFailed: HTTP 500 \(its words are not kept/],
  ['not valid', 'refusing', `${PATIENT}?`, /^InvalidRequest: parameters\.patient \(its words are not kept/],
])('the log does not say who the patients of a request are that is %s', async (_what, server, patient, why) => {
  const { message, reason } = await failAndRead({ server, level: 'patient', parameters: { patient: [patient] } });
  // Temporal has it.
  expect(message).toContain(PATIENT);
  expect(reason).toMatch(why);
  expect(worker.logs()).toContain('"Workflow failed"');
  expect(worker.logs()).toContain('"Activity failed"');
  expect(findSecrets(worker.logs(), [PATIENT])).toEqual([]);
});

test('of other requests it quotes the server where an export ends, and nowhere else', async () => {
  const { message, reason } = await failAndRead({ server: 'refusing' });
  expect(reason).toBe(message);
  expect(reason).toContain(SAID);
  const lines = worker.logs().split('\n');
  expect(
    lines.filter((line) => line.includes(PATIENT)).map((line) => (JSON.parse(line) as { msg: string }).msg),
  ).toEqual(['export ended']);
});

const WARNING = 40;
const INFO = 30;
const DEBUG = 20;

test('trouble has a line when it begins and one when it is over, and no word that may name patients', async () => {
  await stack.run({ server: 'busy', level: 'patient', parameters: { patient: ['Patient/pat-1'] } });
  await expect.poll(() => linesOf('busy').at(-1)?.['msg'], { timeout: 20_000 }).toBe('export ended');
  const lines = linesOf('busy');
  // The file that fails at once after the polls is no second line.
  expect(lines.filter(({ msg }) => /trouble|goes on/.test(String(msg)))).toEqual([
    expect.objectContaining({
      level: WARNING,
      msg: 'export in trouble',
      phase: 'waiting',
      reason: expect.stringMatching(/^HTTP 503 \(its words are not kept/),
      workflowId: expect.any(String),
    }),
    expect.objectContaining({ msg: 'export goes on', seconds: expect.any(Number) }),
  ]);
  const answers = lines.filter(({ msg }) => msg === 'status answered');
  const levels = new Set(answers.map(({ status, level }) => `${String(status)} ${String(level)}`));
  expect(levels).toEqual(new Set([`503 ${WARNING}`, `202 ${DEBUG}`, `200 ${INFO}`]));
  expect(lines.find(({ msg }) => msg === 'file answered')).toMatchObject({
    level: WARNING,
    status: 404,
    file: expect.stringMatching(/^\w+\.\d+\.ndjson$/),
  });
  const ofRun = worker
    .logs()
    .split('\n')
    .filter((line) => line.includes(String(lines[0]?.['workflowId'])));
  expect(ofRun.length).toBeGreaterThan(lines.length);
  expect(findSecrets(ofRun.join('\n'), [PATIENT])).toEqual([]);
}, 60_000);

test('an export that fails ends with a warning', () => {
  const ends = linesOf('failing').filter(({ msg }) => msg === 'export ended');
  expect(ends.map(({ level }) => level)).toEqual([WARNING]);
});

test.each([
  ['KickOffRejected: HTTP 400: error/invalid: Patient/1', /^KickOffRejected: HTTP 400 \(/],
  [
    'AuthorizationFailed: the kick-off was refused: HTTP 403: Patient/1',
    /^AuthorizationFailed: the kick-off was refused \(/,
  ],
  ['KickOffRejected: HTTP 422', /^KickOffRejected: HTTP 422$/],
  [
    'DestinationFailed: /exports: no space is left (ENOSPC)',
    /^DestinationFailed: \/exports: no space is left \(ENOSPC\)$/,
  ],
  ['ENOENT: no such file', /^ENOENT: no such file$/],
  ['constructor: of nobody', /^constructor: of nobody$/],
])('own words of: %s', (message, own) => {
  expect(ownWords(message)).toMatch(own);
});
