import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { killWorker } from '../support/worker-processes.ts';
import { startRealWorker } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 5, pollsUntilReady: 0, retryAfter: '1' } } });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => hospital.faults.clear());

async function failed(started: StartedExport): Promise<ApplicationFailure> {
  const error: unknown = await started.result().catch((reason: unknown) => reason);
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure)) throw new TypeError('not a failure of the table', { cause: error });
  return cause;
}

async function endOf({ handle }: StartedExport): Promise<unknown[]> {
  const { searchAttributes, memo } = await handle.describe();
  return [searchAttributes['ExportPhase'], searchAttributes['ExportOutcome'], Object.keys(memo ?? {}).toSorted()];
}
const start = (request: Partial<ExportRequest>) => stack.start({ parameters: { _type: 'Patient' }, ...request });

test('a failure of the workflow has details, and the export shows its end', async () => {
  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 400 } });
  const started = await start({});
  const { type, details } = await failed(started);
  const { location, phase } = await started.progress();
  const files = { total: 1, done: 0, failed: 1 };
  expect({ type, details }).toEqual({
    type: 'IncompleteExport',
    details: [{ phase: 'settling', location, missing: 1, transactionTime: expect.any(String), files }],
  });
  expect(phase).toBe('failed');
  expect(await endOf(started)).toEqual([['failed'], ['IncompleteExport'], ['location', 'transactionTime']]);
});

test('a failure of an activity keeps its cause, without the words of what lies below', async () => {
  // A file where the folder of the export should be.
  await writeFile(join(stack.folder, 'taken'), '');
  try {
    const failure = await failed(await start({ destination: { path: 'taken/export' } }));
    expect(failure).toMatchObject({
      type: 'DestinationFailed',
      details: [{ phase: 'starting' }],
      cause: {
        activityType: 'openExport',
        cause: { type: 'DestinationFailed', cause: { type: 'ENOTDIR', message: expect.stringMatching(/^ENOTDIR/) } },
      },
    });
  } finally {
    await rm(join(stack.folder, 'taken'));
  }
});

test('a cancelled export shows its end', async () => {
  hospital.faults.add({ route: 'status', do: { kind: 'answer', status: 202, headers: { 'Retry-After': '300' } } });
  const started = await start({});
  await vi.waitFor(async () => expect((await started.progress()).polls).toBe(1), { timeout: 10_000, interval: 100 });
  await started.cancel();
  await started.result().catch(() => {});
  expect((await started.progress()).phase).toBe('cancelled');
  expect(await endOf(started)).toEqual([['cancelled'], ['cancelled'], ['location']]);
});

test('Temporal understands every query of docs/console.md', async () => {
  const page = await readFile(join(projectRoot, 'docs/console.md'), 'utf8');
  const inTable = [...page.matchAll(/^\| [^|]+ \| `([^`]*="[^`]*|[^`]* IN [^`]*)` \|$/gm)].map(([, query]) => query);
  const inCommands = [...page.matchAll(/--query '([^'…]+)'/g)].map(([, query]) => query);
  expect(inTable.length).toBeGreaterThanOrEqual(10);
  for (const query of [...inTable, ...inCommands]) await stack.client.workflow.count(query);

  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 400 } });
  const workflowId = 'lacks-files';
  await failed(await stack.start({}, workflowId));
  expect(inTable).toContain('ExportOutcome="IncompleteExport"');
  const found = () => stack.client.workflow.count(`ExportOutcome="IncompleteExport" AND WorkflowId="${workflowId}"`);
  await expect.poll(async () => (await found()).count, { timeout: 30_000 }).toBe(1);
});

/** A step that hangs at the server, for an operator who ends it by hand. */
async function stepOf({ handle }: StartedExport, type: string) {
  const idOf = async () => {
    const { pendingActivities } = (await handle.describe()).raw;
    const found = pendingActivities?.find(({ activityType }) => activityType?.name === type);
    // One that no worker has taken yet cannot be ended.
    return found?.lastStartedTime == null ? '' : (found.activityId ?? '');
  };
  await expect.poll(idOf, { timeout: 30_000 }).not.toBe('');
  return { workflowId: handle.workflowId, activityId: await idOf() };
}

test('a step that is failed by hand ends the export with details, and the same request goes on', async () => {
  hospital.faults.add({ route: 'status', do: { kind: 'hang' } });
  const destination = { path: 'failed-by-hand' };
  const started = await start({ destination });
  const step = await stepOf(started, 'pollStatus');
  await stack.client.activity.fail(step, ApplicationFailure.nonRetryable('operator says no'));
  const { location } = await started.progress();
  expect(await failed(started)).toMatchObject({
    type: 'Failed',
    message: expect.stringMatching(
      /^Failed: the step pollStatus was ended from outside \(operator says no\)/,
    ) as string,
    details: [{ phase: 'waiting', location }],
    cause: { activityType: 'pollStatus' },
  });
  expect(location).toContain('failed-by-hand');
  expect((await (await start({ destination })).result()).resources).toBe(5);
});

test.each([
  ['pollStatus', 'status', undefined],
  // As somebody who knows that the job is complete may write.
  ['pollStatus', 'status', { kind: 'complete' }],
  ['downloadFiles', 'file', {}],
] as const)('a %s that is completed by hand with what is no answer ends the export', async (type, route, answer) => {
  hospital.faults.add({ route, times: Infinity, do: { kind: 'hang' } });
  const started = await start({});
  await stack.client.activity.complete(await stepOf(started, type), answer);
  expect(await failed(started)).toMatchObject({
    type: 'Failed',
    message: expect.stringContaining("is no worker's: it was completed by hand") as string,
    details: [{ location: expect.any(String) as string }],
  });
});

test('the log of the worker says why an export failed', async () => {
  await stack.stopWorkers();
  const worker = await startRealWorker(stack);
  try {
    hospital.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'answer', status: 422 } });
    expect((await failed(await start({}))).type).toBe('KickOffRejected');
    await vi.waitFor(() => expect(worker.logs()).toContain('"Workflow failed"'), { timeout: 10_000 });
    const line = worker
      .logs()
      .split('\n')
      .find((one) => one.includes('"Workflow failed"'));
    const { error } = JSON.parse(line ?? '') as { error: object };
    expect(error).toMatchObject({ message: expect.stringMatching(/^KickOffRejected: .*422/) });
  } finally {
    await killWorker(worker.child);
  }
});
