import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { heartbeatInterval } from '../../src/policy/heartbeats.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker } from '../support/real-worker.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

test.each([
  [5, 1000],
  [10, 1000],
  [30, 3000],
  [300, 30_000],
])('with a timeout of %i s heartbeats are sent every %i ms', (seconds, interval) => {
  expect(heartbeatInterval(seconds)).toBe(interval);
});

describe('heartbeatSeconds', () => {
  let stack: Stack;
  const workers: RealWorker[] = [];

  beforeAll(async () => {
    const hospital = { patients: 500, linesPerFile: 100_000, pollsUntilReady: 0, gzip: false };
    stack = await startStack({
      workers: false,
      servers: { hospital: { ...hospital, throttleBytesPerSecond: 50_000 } },
    });
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map(({ child }) => killWorker(child)));
  });
  afterAll(() => stack.close());

  async function startWorker(heartbeatSeconds: number): Promise<RealWorker> {
    stack.config.heartbeatSeconds = heartbeatSeconds;
    const worker = await startRealWorker(stack);
    workers.push(worker);
    await expect.poll(worker.logs, { timeout: 20_000 }).toContain('worker started');
    return worker;
  }
  const download = async (handle: WorkflowHandle) =>
    (await handle.describe()).raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'downloadFiles');
  const timeOf = ({ lastHeartbeatTime: time }: { lastHeartbeatTime?: { seconds?: unknown; nanos?: unknown } | null }) =>
    Number(time?.seconds ?? 0) * 1000 + Number(time?.nanos ?? 0) / 1e6;

  test('is the heartbeat timeout of downloads only, and makes heartbeats as rare as it allows', async () => {
    await startWorker(40);
    const { handle } = await stack.start({ parameters: { _type: 'Observation' } });
    await expect.poll(async () => timeOf((await download(handle)) ?? {}), { timeout: 20_000 }).toBeGreaterThan(0);
    const times = new Set<number>();
    for (const end = Date.now() + 9000; Date.now() < end; await delay(100)) {
      times.add(timeOf((await download(handle)) ?? {}));
    }
    await handle.terminate();
    // Every 4 s; with a timeout of 10 s there are nine.
    expect(times.size).toBeGreaterThanOrEqual(2);
    expect(times.size).toBeLessThanOrEqual(4);
    const scheduled = (await runsOf(stack.client, handle.workflowId))
      .flat()
      .flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
    const timeouts = new Map(
      scheduled.map(({ activityType, heartbeatTimeout }) => [activityType?.name, Number(heartbeatTimeout?.seconds)]),
    );
    expect(timeouts.get('downloadFiles')).toBe(40);
    expect(timeouts.get('pollStatus')).toBe(10);
  });

  test('is the time after which the download of a lost worker is taken up', async () => {
    const first = await startWorker(5);
    const { handle } = await stack.start({ parameters: { _type: 'Observation' } });
    await expect.poll(async () => timeOf((await download(handle)) ?? {}), { timeout: 20_000 }).toBeGreaterThan(0);
    await startWorker(5);
    const killed = Date.now();
    await killWorker(first.child);
    await expect.poll(async () => (await download(handle))?.attempt, { timeout: 20_000, interval: 50 }).toBe(2);
    expect(Date.now() - killed).toBeLessThan(9000);
    await handle.terminate();
  });
});
