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
import { count } from '../../src/cli/view/readable.ts';
import { Watcher } from './watcher.ts';
import { Workers } from './workers.ts';

/** Time limit of the demo with the sample server, milliseconds; it takes about 25 s. */
const demoLimit = 180_000;
/** Time limit for a cancelled export to clean up, milliseconds. */
const cleanUpLimit = 15_000;

/**
 * Runs the demo: an export that outlives its worker, and the proof.
 *
 * @param cli path of the Temporal CLI
 * @param signal stops the demo; it cancels the export first
 * @throws Error when the export or a check fails
 */
export async function runDemo(args: DemoArguments, cli: string, signal: AbortSignal): Promise<void> {
  const stack = await startStack(args, cli);
  try {
    signal.throwIfAborted();
    await exportAndProve(args, stack, signal).catch(async (error: unknown) => {
      // With --keep you can look at a failure in the Web UI, too.
      if (args.keep && !signal.aborted) console.error(`\n${(error as Error).message}`);
      if (args.keep) await keepRunning(stack, signal);
      throw error;
    });
    if (args.keep) await keepRunning(stack, signal);
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
  console.log(`\nThe run in the Web UI${args.keep ? '' : ' (keep it running with --keep)'}:\n  ${uiUrl}`);
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

/** The message of the failure's cause says what is wrong; the contract says what to do next. */
function describeFailure(error: WorkflowFailedError): Error {
  const { cause } = error;
  const code = cause instanceof ApplicationFailure ? cause.type : undefined;
  const next = Object.entries(FAILURES).find(([name]) => name === code)?.[1].next;
  return new Error(`The export failed. ${cause?.message}${next === undefined ? '' : `\n${next}`}`, { cause: error });
}

/** Cancels the export, so that no job remains at the FHIR server. */
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

async function keepRunning({ temporal }: DemoStack, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  console.log(`
Everything keeps running (Temporal ${temporal.address}, HTTP API ${temporal.httpUrl}).
Press Ctrl-C to stop.`);
  await once(signal, 'abort');
}
