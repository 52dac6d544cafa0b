import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { BulkExportWorkflow } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import type { ExportRun, Start } from './export-run.ts';
import { requestOf } from './shape.ts';

/** Milliseconds after which an export counts as stuck. */
const STUCK = 180_000;
/** Starts of one export: a disk can fill up again. */
const MOST_STARTS = 5;

export interface Follow {
  client: Client;
  /** Settles when the full disk has space again; at once when none is full. */
  diskHasSpace(): Promise<void>;
}

/** Brings an export to its end as an operator would: what a failure asks for is done, and it is started again. */
export async function followExport(run: ExportRun, { client, diskHasSpace }: Follow): Promise<void> {
  for (let number = 1; number <= MOST_STARTS; number++) {
    const { hospital, destination, path } = run;
    const request = requestOf(hospital.shape, hospital.name, { name: destination.name, path });
    const start = await runOnce(client, request, `${run.path}-${number}`);
    run.starts.push(start);
    if (start.failure?.code === 'DestinationFailed') await diskHasSpace();
    else if (start.failure?.code === 'KickOffUnknown') run.path = `${path}-again`;
    else break;
  }
  run.endedAt = Date.now();
}

async function runOnce(client: Client, request: ExportRequest, workflowId: string): Promise<Start> {
  const startedAt = Date.now();
  const end = (result: Pick<Start, 'report' | 'failure'>): Start => ({
    workflowId,
    startedAt,
    endedAt: Date.now(),
    ...result,
  });
  const handle = client.workflow.getHandle<BulkExportWorkflow>(workflowId);
  try {
    await patiently(startedAt, () => startOnce(client, request, workflowId));
    return end({ report: await patiently(startedAt, () => handle.result()) });
  } catch (error) {
    if (error instanceof WorkflowFailedError) {
      const { cause } = error;
      const code = cause instanceof ApplicationFailure ? (cause.type ?? '') : '';
      return end({ failure: { code, message: cause?.message ?? error.message } });
    }
    await handle.terminate('stuck').catch(() => {});
    return end({ failure: { code: 'Stuck', message: (error as Error).message } });
  }
}

async function startOnce(client: Client, request: ExportRequest, workflowId: string): Promise<void> {
  try {
    await startExport(client, request, { workflowId, workflowIdReusePolicy: 'REJECT_DUPLICATE' });
  } catch (error) {
    // The first call arrived, and its answer was lost.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Calls until the Temporal server, which may be down, answers. */
async function patiently<T>(since: number, call: () => Promise<T>): Promise<T> {
  for (;;) {
    const left = since + STUCK - Date.now();
    const timer = new AbortController();
    const late = sleep(Math.max(0, left), undefined, { signal: timer.signal }).then(
      () => Promise.reject(new Error(`no end after ${STUCK / 1000} s`)),
      () => new Promise<never>(() => {}),
    );
    try {
      return await Promise.race([call(), late]);
    } catch (error) {
      if (error instanceof WorkflowFailedError || Date.now() >= since + STUCK) throw error;
      await sleep(200);
    } finally {
      timer.abort();
    }
  }
}
