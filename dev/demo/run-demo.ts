import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';

import { FAILURES, type ExportReport } from '../../src/contract.ts';
import type { DemoArguments } from './arguments.ts';
import { follow } from './follow.ts';
import { tokenLifetime } from './hospital.ts';
import { prove } from './prove.ts';
import { startStack, type DemoStack } from './stack.ts';
import { makeRequest, startWithCli } from './start-export.ts';
import { count } from './words.ts';
import { Watcher } from './watcher.ts';
import { Workers } from './workers.ts';

/** Milliseconds for the demo with the sample server, which takes about 25 s. */
const demoLimit = 180_000;
/** Milliseconds for a cancelled export to clean up. */
const cleanUpLimit = 15_000;

/**
 * Runs the demo: an export that outlives its worker, and the proof.
 *
 * @param cli path of the Temporal CLI
 * @param signal stops it in good order: the export is cancelled first
 * @throws Error when anything is not as promised
 */
export async function runDemo(args: DemoArguments, cli: string, signal: AbortSignal): Promise<void> {
  const stack = await startStack(args, cli);
  try {
    signal.throwIfAborted();
    await exportAndProve(args, stack, signal).catch(async (error: unknown) => {
      // With --keep a failure can be looked at in the Web UI as well.
      if (args.keep && !signal.aborted) console.error(`\n${(error as Error).message}`);
      if (args.keep) await stayUp(stack, signal);
      throw error;
    });
    if (args.keep) await stayUp(stack, signal);
  } finally {
    await stack.close();
  }
}

async function exportAndProve(args: DemoArguments, stack: DemoStack, signal: AbortSignal): Promise<void> {
  const workers = new Workers(stack);
  console.log(`
Temporal     ${stack.temporal.address}
Web UI       ${stack.temporal.uiUrl}
FHIR server  ${stack.fhirUrl}${args.server === undefined ? ` (${count(args.patients, 'generated patient')})` : ''}${
    stack.authServer === undefined ? '' : `\n             SMART Backend Services, tokens of ${tokenLifetime} s`
  }
Worker       process ${workers.start()}
`);
  const workflowId = `${args.server === undefined ? 'demo' : 'export'}-${timestamp()}`;
  await startWithCli(stack, makeRequest(args, workflowId), workflowId, console.log);
  const handle = stack.client.workflow.getHandle(workflowId);
  const { runId } = await handle.describe();
  const uiUrl = `${stack.temporal.uiUrl}/namespaces/default/workflows/${workflowId}/${runId}/timeline`;
  console.log(`Watch it in the Web UI: ${uiUrl}\n`);

  const report = await watch(args, stack, workers, handle, signal);
  await prove(report, stack, workers.kill, JSON.stringify(await handle.fetchHistory()));
  console.log(`\nThe run in the Web UI${args.keep ? '' : ' (stay with --keep)'}:\n  ${uiUrl}`);
}

/** Such as `20261123-091925`, in UTC. */
function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}

async function watch(
  args: DemoArguments,
  stack: DemoStack,
  workers: Workers,
  handle: WorkflowHandle,
  signal: AbortSignal,
): Promise<ExportReport> {
  const watcher = new Watcher(workers, args.kill);
  const limit = new AbortController();
  const tooLong = new Error(`No end after ${demoLimit / 1000} s. Look at ${stack.workerLog} with --keep.`);
  const timer = args.server === undefined ? setTimeout(() => limit.abort(tooLong), demoLimit) : undefined;
  const stop = AbortSignal.any([signal, limit.signal]);
  try {
    return await Promise.race([follow(stack, handle, (progress) => watcher.look(progress), stop), workers.failed]);
  } catch (error) {
    watcher.end();
    if (stop.aborted) await cancel(handle);
    if (error instanceof WorkflowFailedError && !stop.aborted) throw describeFailure(error);
    throw stop.aborted ? stop.reason : error;
  } finally {
    clearTimeout(timer);
    watcher.end();
  }
}

/** What is wrong is in the words of the failure's cause; what to do about it is in the contract. */
function describeFailure(error: WorkflowFailedError): Error {
  const { cause } = error;
  const code = cause instanceof ApplicationFailure ? cause.type : undefined;
  const next = Object.entries(FAILURES).find(([name]) => name === code)?.[1].next;
  return new Error(`The export failed. ${cause?.message}${next === undefined ? '' : `\n${next}`}`, { cause: error });
}

/** So that no job stays behind at the FHIR server. */
async function cancel(handle: WorkflowHandle): Promise<void> {
  console.log('\nCancelling the export.');
  await handle.cancel();
  const limit = new AbortController();
  await Promise.race([
    handle.result().catch(() => {}),
    sleep(cleanUpLimit, undefined, { signal: limit.signal }).catch(() => {}),
  ]);
  limit.abort();
}

async function stayUp({ temporal }: DemoStack, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  console.log(`
Everything stays up (Temporal ${temporal.address}, HTTP API ${temporal.httpUrl}).
Press Ctrl-C to stop.`);
  await once(signal, 'abort');
}
