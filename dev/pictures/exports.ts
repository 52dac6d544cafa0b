import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { StartedExport } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import type { ExportPhase, ExportRequest } from '../../src/contract.ts';

/** Milliseconds for each export to come where its picture is taken. */
const PATIENCE = 300_000;

/** Exports of which there are pictures, by workflow id. */
export type Shown = 'complete' | 'running' | 'queued' | 'needs-attention' | 'failed' | 'stands-still';

const people = { requestedBy: 'research data team', purpose: 'registry of diabetes' };
const diabetes = { level: 'group', groupId: 'diabetes', parameters: { _type: ['Patient', 'Condition'] } } as const;
const all = { level: 'system' } as const;

/**
 * Runs the exports of the pictures until each is in its state. Those that run go on running.
 *
 * @returns workflow ids
 */
export async function runExports(client: Client, say: (line: string) => void): Promise<Record<Shown, string>> {
  const start = async (workflowId: string, request: object): Promise<StartedExport> => {
    say(workflowId);
    return startExport(client, { ...people, ...request } as ExportRequest, { workflowId });
  };
  const ended = async (started: Promise<StartedExport>): Promise<void> => {
    await (await started).result().catch(() => {});
  };

  await ended(start('diabetes-north-2026-11-27', { server: 'north', ...diabetes }));
  await ended(start('patients-east-2026-11-28', { server: 'east', level: 'patient' }));
  const attention = await start('diabetes-west-2026-11-29', {
    server: 'west',
    ...diabetes,
    onIncomplete: 'wait',
  });
  await ended(start('diabetes-west-2026-11-28', { server: 'west', ...diabetes }));
  const cancelled = await start('all-valley-2026-11-28', { server: 'valley', ...all });
  await until(cancelled, 'waiting');
  await cancelled.cancel();
  await cancelled.result().catch(() => {});
  await ended(start('diabetes-north-2026-11-29', { server: 'north', ...diabetes }));
  await until(await start('all-island-2026-11-29', { server: 'island', ...all }), 'waiting');
  await until(await start('diabetes-island-2026-11-29', { server: 'island', ...diabetes }), 'queued');
  const still = await start('all-valley-2026-11-29', { server: 'valley', ...all });
  await until(await start('all-south-2026-11-29', { server: 'south', ...all }), 'downloading');
  await until(attention, 'needs-attention');
  await until(still, 'waiting');
  return {
    complete: 'diabetes-north-2026-11-29',
    running: 'all-south-2026-11-29',
    queued: 'diabetes-island-2026-11-29',
    'needs-attention': 'diabetes-west-2026-11-29',
    failed: 'diabetes-west-2026-11-28',
    'stands-still': 'all-valley-2026-11-29',
  };
}

async function until(started: StartedExport, phase: ExportPhase): Promise<void> {
  const end = Date.now() + PATIENCE;
  while ((await started.progress()).phase !== phase) {
    if (Date.now() > end) throw new Error(`${started.handle.workflowId} did not come to the phase ${phase}`);
    await sleep(500);
  }
}
