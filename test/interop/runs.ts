import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { StartedExport } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import type { ExportProgress, ExportReport, ExportRequest } from '../../src/contract.ts';
import type { Stage } from './stage.ts';
import { SERVERS } from './stage.ts';

/** Milliseconds between looks. */
const LOOK = 500;

let started = 0;

function start({ client }: Stage, request: ExportRequest): Promise<StartedExport> {
  return startExport(client, request, { workflowId: `interop-${++started}` });
}

/** Runs an export to its end. HAPI asks for 120 s between polls, so it is polled as an operator would. */
export async function run(stage: Stage, request: ExportRequest): Promise<ExportReport> {
  return pollToTheEnd(await start(stage, request));
}

async function pollToTheEnd(started: StartedExport): Promise<ExportReport> {
  const polling = setInterval(() => void pollIfWaiting(started), LOOK);
  try {
    return await started.result();
  } finally {
    clearInterval(polling);
  }
}

/** The export may just have ended. */
async function pollIfWaiting(started: StartedExport): Promise<void> {
  const progress = await started.progress().catch(() => undefined);
  if (progress?.phase === 'waiting') await started.pollNow().catch(() => {});
}

async function progressWhen(
  started: StartedExport,
  isIt: (progress: ExportProgress) => boolean,
): Promise<ExportProgress> {
  for (;;) {
    const progress = await started.progress();
    if (isIt(progress)) return progress;
    await sleep(LOOK / 5);
  }
}

/** HAPI's `Retry-After: 120` is respected, and a signal polls before. */
export async function pollEarly(stage: Stage): Promise<ExportReport> {
  const started = await start(stage, { server: SERVERS.get, level: 'system' });
  await started.pollNow();
  const { nextPollAt = '' } = await progressWhen(started, ({ polls }) => polls > 0);
  const wait = Date.parse(nextPollAt) - Date.now();
  assert.ok(wait > 100_000 && wait <= 120_000, `the next poll is in ${wait} ms, not in 120 s`);
  // Not polled again meanwhile.
  await sleep(4000);
  assert.equal((await started.progress()).polls, 1);
  return pollToTheEnd(started);
}

/** A cancelled export leaves no job at HAPI and no manifest. */
export async function cancelWhileWaiting(stage: Stage): Promise<undefined> {
  const started = await start(stage, { server: SERVERS.get, level: 'system' });
  const { location = '' } = await progressWhen(started, ({ phase }) => phase === 'waiting');
  const job = JSON.parse(await readFile(join(location, '.export/job.json'), 'utf8')) as { statusUrl: string };
  await started.cancel();
  await assert.rejects(
    started.result(),
    (error: unknown) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
  );
  await assert.rejects(readFile(join(location, 'manifest.json')), { code: 'ENOENT' });
  const { status } = await fetch(job.statusUrl);
  assert.equal(status, 404, 'HAPI no longer knows the job');
  return undefined;
}
