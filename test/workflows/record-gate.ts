import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { FaultRule } from '../../dev/sample-server/index.ts';
import { gateId } from '../../src/gate-contract.ts';
import { slotsOf } from '../support/gates.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { recordHistory } from './record-histories.ts';

/** The server says at every poll that the job takes long. */
export const LONG_WAIT: FaultRule = {
  route: 'status',
  times: Infinity,
  do: { kind: 'answer', status: 202, headers: { 'Retry-After': '60' } },
};

/**
 * Records the gate of the server `gated`, which has one slot: an export that has it, one that waits for it, and one that
 * does not run any more.
 */
export async function recordGate(stack: Stack, version: string): Promise<void> {
  const { gated } = stack.servers;
  const slots = () => slotsOf(stack.client, 'gated');
  gated?.faults.add(LONG_WAIT);
  const holder = await stack.start({ server: 'gated' }, 'with-slot');
  await expect.poll(async () => (await holder.progress()).phase, { timeout: 20_000 }).toBe('waiting');
  const waiter = await stack.start({ server: 'gated' }, 'queued');
  await expect.poll(async () => (await waiter.progress()).queue?.place, { timeout: 20_000 }).toBe(1);
  const gone = await stack.start({ server: 'gated' }, 'gone');
  await expect.poll(async () => (await slots()).waiting.count, { timeout: 20_000 }).toBe(2);
  await gone.handle.terminate();
  await expect.poll(async () => (await slots()).waiting.count, { timeout: 60_000 }).toBe(1);
  gated?.faults.clear();
  // More than once: what is said at the end of a run may not be told.
  for (const skip of [2, 10, 20]) gated?.faults.add({ route: 'file', skip, do: { kind: 'answer', status: 429 } });
  await holder.pollNow();
  await Promise.all([holder.result(), waiter.result()]);
  const gate = stack.client.workflow.getHandle(gateId('gated'));
  await expect.poll(async () => (await gate.describe()).status.name, { timeout: 60_000 }).toBe('COMPLETED');
  expect(await recordHistory(stack, gateId('gated'), `${version}-gate`)).toBeGreaterThan(1);
  await recordHistory(stack, 'with-slot', `${version}-with-slot`);
  await recordHistory(stack, 'queued', `${version}-queued`);
}

/** Records an export whose kick-off the server refuses for long, so that it gives its slot back; and one that is paused in the queue. */
export async function recordRefused(stack: Stack, version: string): Promise<void> {
  const { gated } = stack.servers;
  const request = { server: 'gated', parameters: { _type: 'Patient' } };
  gated?.faults.clear();
  gated?.faults.add({ route: 'kickOff', do: { kind: 'answer', status: 429, headers: { 'Retry-After': '3600' } } });
  const refused = await stack.start(request, 'refused');
  expect((await refused.result()).status).toBe('complete');
  await recordHistory(stack, 'refused', `${version}-refused`);
  gated?.faults.add(LONG_WAIT);
  const holder = await stack.start(request, 'holder');
  await expect.poll(async () => (await holder.progress()).phase, { timeout: 60_000 }).toBe('waiting');
  const paused = await stack.start(request, 'paused-in-queue');
  await expect.poll(async () => (await paused.progress()).queue?.place, { timeout: 60_000 }).toBe(1);
  await paused.pause();
  await expect.poll(async () => (await slotsOf(stack.client, 'gated')).waiting.count, { timeout: 60_000 }).toBe(0);
  await paused.resume();
  gated?.faults.clear();
  await holder.pollNow();
  expect((await paused.result()).status).toBe('complete');
  await recordHistory(stack, 'paused-in-queue', `${version}-paused-in-queue`);
  await holder.result();
}

/** Records an export whose kick-off fails for longer than its slot is kept, and whose DELETE is refused for a time. */
export async function recordFailing(stack: Stack, version: string): Promise<void> {
  const { gated } = stack.servers;
  gated?.faults.clear();
  gated?.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'answer', status: 500 } });
  const failing = await stack.start({ server: 'gated', parameters: { _type: 'Patient' } }, 'failing');
  await expect.poll(async () => (await failing.progress()).trouble, { timeout: 20_000 }).toContain('HTTP 500');
  // Less than an outage may last.
  await sleep(SHORT_LIMITS.refusedKept + 500);
  gated?.faults.clear();
  gated?.faults.add({ route: 'delete', do: { kind: 'answer', status: 503, headers: { 'Retry-After': '2' } } });
  expect((await failing.result()).warnings).toEqual([]);
  await recordHistory(stack, 'failing', `${version}-failing`);
}
