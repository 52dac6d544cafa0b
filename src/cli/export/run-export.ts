import { hostname } from 'node:os';
import { gateId } from '../../gate-contract.ts';
import { onStopSignal } from '../../process/stop-signal.ts';
import { commandLine } from '../arguments.ts';
import { exitCode } from '../exit-codes.ts';
import { knownExport } from '../one-export.ts';
import type { Temporal } from '../temporal.ts';
import { withTemporal, serviceOf } from '../temporal.ts';
import type { Begun } from './begin.ts';
import { beginExport } from './begin.ts';
import type { View } from './events.ts';
import type { Outcome } from './follow.ts';
import { follow } from './follow.ts';
import type { LocalWorker } from './local-worker.ts';
import type { ExportOptions } from './asked.ts';
import { readCommandLine } from './asked.ts';
import type { Plan } from './plan.ts';
import { isOwnQueue } from './names.ts';
import { planExport } from './plan.ts';
import { hintOf, showOutcome, showProgress } from './show.ts';
import { cancelIfOpen } from './run-cancel.ts';

/** A run of `export`, with what it was called with. */
export interface ExportCall {
  source: string;
  options: ExportOptions;
  /** All arguments, for "the same command". */
  args: readonly string[];
  cwd: string;
}

/**
 * Runs an export to its end, or until a signal.
 *
 * @returns exit code
 */
export async function runExport(call: ExportCall, view: View): Promise<number> {
  const interrupt = new AbortController();
  let isFollowing = false;
  onStopSignal((signal) => {
    interrupt.abort(signal);
    // Nothing has begun that would have to end in order.
    if (!isFollowing) process.exit(codeOf(signal));
  });
  const asked = await readCommandLine(call.source, call.options, serviceOf(), call.cwd);
  return withTemporal(
    async (temporal) => {
      const { service, address, webUi, state } = temporal;
      view.show({ kind: 'temporal', service, address, ...(webUi === undefined ? {} : { webUi, state: state ?? '' }) });
      const plan = await planExport(asked, temporal);
      if (plan.note !== undefined) view.show({ kind: 'notice', text: plan.note });
      isFollowing = true;
      return run(call, plan, temporal, view, interrupt.signal);
    },
    (text) => view.show({ kind: 'notice', text }),
  );
}

async function run(call: ExportCall, plan: Plan, temporal: Temporal, view: View, signal: AbortSignal): Promise<number> {
  const command = {
    args: [...call.args],
    cwd: call.cwd,
    host: hostname(),
    ...(plan.file === undefined ? {} : { config: plan.file }),
  };
  const begun = await beginExport(temporal, plan, plan.config === undefined ? undefined : command);
  const { workflowId } = begun;
  view.show(exportEvent(plan, begun));
  if (begun.kind === 'complete') {
    const again = `To export anew, add ${call.options.path === undefined ? '--again' : 'another --path'}.`;
    view.show({ kind: 'notice', text: `This export is complete already. ${again}` });
    return showOutcome({ kind: 'complete', report: begun.report }, workflowId, view);
  }
  const isElsewhere = plan.config !== undefined && !isOwnQueue(begun.taskQueue, workflowId);
  if (isElsewhere) {
    const text = `Workers elsewhere run it, on the task queue ${begun.taskQueue}: this command follows it only.`;
    view.show({ kind: 'notice', text });
  }
  const worker = isElsewhere ? undefined : await workerFor(plan, begun, temporal);
  const began = performance.now();
  const look = showProgress(view, worker === undefined ? hintOf(await knownExport(temporal, workflowId)) : undefined);
  const watch = (until: AbortSignal): Promise<Outcome> =>
    Promise.race([follow(temporal.client, workflowId, look, until), ...(worker === undefined ? [] : [worker.failed])]);
  try {
    const outcome = await watch(signal).catch(async (error: unknown) => {
      if (!signal.aborted || call.options.cancelOnInterrupt !== true) throw error;
      view.show({ kind: 'notice', text: 'Cancelling the export; the job on the FHIR server is deleted.' });
      await cancelIfOpen(temporal, workflowId);
      return watch(new AbortController().signal);
    });
    if (worker !== undefined) await removeGate(temporal, plan.request.server, begun.taskQueue);
    const seconds = Math.round((performance.now() - began) / 1000);
    return showOutcome(outcome, workflowId, view, { log: worker?.log, seconds });
  } catch (error) {
    if (!signal.aborted) throw error;
    const next = worker === undefined ? `fhir-bulk-export watch ${workflowId}` : commandLine(call.args);
    view.show({ kind: 'interrupted', workflowId, goesOn: worker === undefined, next });
    return codeOf(signal.reason as NodeJS.Signals);
  } finally {
    view.end();
    await worker?.stop();
  }
}

function exportEvent(plan: Plan, begun: Begun): Parameters<View['show']>[0] {
  const since = plan.request.parameters?.['_since'];
  const { workflowId, path } = begun;
  const how = begun.kind === 'complete' ? 'complete' : begun.how;
  return { kind: 'export', how, workflowId, path, ...(since === undefined ? {} : { since }) };
}

/** Loads the SDK's worker only where one is needed. */
async function workerFor(
  { config }: Plan,
  { taskQueue, workflowId }: Extract<Begun, { kind: 'follow' }>,
  temporal: Temporal,
): Promise<LocalWorker | undefined> {
  if (config === undefined) return undefined;
  const { startLocalWorker } = await import('./local-worker.ts');
  return startLocalWorker(temporal, config, taskQueue, workflowId);
}

/**
 * A gate of this task queue alone has nobody to serve any more, and nobody who runs it. Deleted, not terminated: the next
 * one would wait for what a gate that was cut off might have granted.
 */
async function removeGate({ client, namespace }: Temporal, server: string, taskQueue: string): Promise<void> {
  const workflowExecution = { workflowId: gateId(server, taskQueue) };
  const request = client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
  // Most servers have none, and the export is over either way.
  await request.catch(() => {});
}

function codeOf(signal: NodeJS.Signals): number {
  return exitCode(signal === 'SIGINT' ? 'interrupted' : 'terminated');
}
