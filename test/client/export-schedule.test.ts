import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createExportSchedule, getExport } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { TASK_QUEUE } from '../../src/contract.ts';
import type { Asked, ChangingServer } from '../support/changing-server.ts';
import { startChangingServer } from '../support/changing-server.ts';
import { temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';

const run = promisify(execFile);
let stack: Stack;
let server: ChangingServer;
beforeAll(async () => {
  // The server that all files share runs no schedules.
  stack = await startStack({ servers: {}, workers: false, temporalArgs: [] });
  server = await startChangingServer();
  stack.config.servers['a'] = serverEntry(server.origin);
  await stack.startWorkers();
});
afterAll(async () => {
  await stack?.close();
  await server?.close();
});

const REQUEST: ExportRequest = { server: 'a', level: 'system', incremental: {} };
const OPTIONS = { scheduleId: 'often', spec: { intervals: [{ every: '1 second' }] } };

/** Waits until so many more exports have been asked for. @returns them */
async function askedMore(count: number): Promise<Asked[]> {
  const before = server.asked.length;
  await expect.poll(() => server.asked.length - before, { timeout: 120_000 }).toBeGreaterThanOrEqual(count);
  return server.asked.slice(before);
}

/** Stops a schedule, and waits for the export that runs. */
async function stop(): Promise<void> {
  const handle = stack.client.schedule.getHandle('often');
  await handle.pause();
  const last = (await handle.describe()).info.recentActions.at(-1)?.action.workflow.workflowId;
  if (last !== undefined) await getExport(stack.client, last).result();
  await handle.delete();
}

/** What each export of a chain asks for: the time of the last one before it that was complete. */
function expectChain(asked: readonly Asked[], first: string | undefined): void {
  let mark = first;
  for (const { since, time, trouble } of asked) {
    expect(since).toBe(mark);
    if (trouble === 'none') mark = time;
  }
}

test('a schedule that is changed, deleted and created again', { timeout: 600_000 }, async () => {
  server.trouble = () => (server.asked.length === 2 ? 'rejected' : 'none');
  const { handle, trigger } = await createExportSchedule(stack.client, REQUEST, { ...OPTIONS, note: 'first' });
  await askedMore(4);

  // The same again, paused: nothing is lost, and nothing else changes.
  await createExportSchedule(stack.client, REQUEST, { ...OPTIONS, paused: true });
  const { state, policies, info } = await handle.describe();
  expect(state).toMatchObject({ paused: true, note: 'first' });
  expect(policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 3_600_000, pauseOnFailure: false });
  const running = info.recentActions.at(-1)?.action.workflow.workflowId ?? '';
  expect(running).toMatch(/^often-20..-..-..T..:..:..Z$/);
  await getExport(stack.client, running).result();
  const triggered = askedMore(1);
  await trigger();
  await triggered;
  expectChain(server.asked, undefined);

  // Another request begins anew, and goes on from there.
  const before = server.asked.length;
  await createExportSchedule(
    stack.client,
    { ...REQUEST, parameters: { _type: 'Basic' } },
    { ...OPTIONS, paused: false },
  );
  await askedMore(3);
  await stop();
  expectChain(server.asked.slice(before), undefined);

  // As documented: where the last report says.
  const initialSince = server.asked.at(-1)?.time;
  const request = { ...REQUEST, incremental: { initialSince } };
  const schedule = ['--schedule-id', 'often', '--interval', '1s', '--overlap-policy', 'Skip', '--catchup-window', '1h'];
  const action = ['--workflow-id', 'often', '--type', 'bulkExport', '--task-queue', TASK_QUEUE];
  const args = ['schedule', 'create', ...schedule, ...action, '--input', JSON.stringify(request)];
  const again = server.asked.length;
  await run(inject('temporalCli'), args, { env: { ...process.env, ...temporalEnv(stack) } });
  await askedMore(2);
  await stop();
  expectChain(server.asked.slice(again), initialSince);
});
