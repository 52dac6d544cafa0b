import { onStopSignal } from '../../process/stop-signal.ts';
import { commandLine } from '../arguments.ts';
import { exitCode } from '../exit-codes.ts';
import type { Temporal } from '../temporal.ts';
import { openTemporal } from '../temporal.ts';
import type { Begun } from './begin.ts';
import { beginExport } from './begin.ts';
import type { View } from './events.ts';
import type { Outcome } from './follow.ts';
import { follow } from './follow.ts';
import type { LocalWorker } from './local-worker.ts';
import type { ExportOptions, Plan } from './plan.ts';
import { noWorker, showOutcome, showProgress } from './show.ts';
import { planExport } from './plan.ts';
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
  const temporal = await openTemporal((text) => view.show({ kind: 'notice', text }));
  try {
    const { service, address, webUi, state } = temporal;
    view.show({ kind: 'temporal', service, address, ...(webUi === undefined ? {} : { webUi, state: state ?? '' }) });
    const plan = await planExport(call.source, call.options, temporal, call.cwd);
    if (plan.note !== undefined) view.show({ kind: 'notice', text: plan.note });
    isFollowing = true;
    return await run(call, plan, temporal, view, interrupt.signal);
  } finally {
    await temporal.close();
  }
}

async function run(call: ExportCall, plan: Plan, temporal: Temporal, view: View, signal: AbortSignal): Promise<number> {
  const command = { args: [...call.args], cwd: call.cwd };
  const begun = await beginExport(temporal, plan, plan.config === undefined ? undefined : command);
  view.show(exportEvent(plan, begun));
  if (begun.kind === 'complete') {
    const again = `To export anew, add ${call.options.path === undefined ? '--again' : 'another --path'}.`;
    view.show({ kind: 'notice', text: `This export is complete already. ${again}` });
    return showOutcome({ kind: 'complete', report: begun.report }, plan.workflowId, view);
  }
  const isElsewhere = plan.config !== undefined && begun.taskQueue !== plan.taskQueue;
  if (isElsewhere) {
    const text = `Workers elsewhere run it, on the task queue ${begun.taskQueue}: this command follows it only.`;
    view.show({ kind: 'notice', text });
  }
  const worker = isElsewhere ? undefined : await workerFor(plan, temporal);
  const began = performance.now();
  const look = showProgress(view, worker === undefined ? noWorker(begun.taskQueue, plan.workflowId) : undefined);
  const watch = (until: AbortSignal): Promise<Outcome> =>
    Promise.race([
      follow(temporal.client, plan.workflowId, look, until),
      ...(worker === undefined ? [] : [worker.failed]),
    ]);
  try {
    const outcome = await watch(signal).catch(async (error: unknown) => {
      if (!signal.aborted || call.options.cancelOnInterrupt !== true) throw error;
      view.show({ kind: 'notice', text: 'Cancelling the export; the job on the FHIR server is deleted.' });
      await cancelIfOpen(temporal, plan.workflowId);
      return watch(new AbortController().signal);
    });
    const seconds = Math.round((performance.now() - began) / 1000);
    return showOutcome(outcome, plan.workflowId, view, { log: worker?.log, seconds });
  } catch (error) {
    if (!signal.aborted) throw error;
    const next = worker === undefined ? `fhir-bulk-export watch ${plan.workflowId}` : commandLine(call.args);
    view.show({ kind: 'interrupted', workflowId: plan.workflowId, goesOn: worker === undefined, next });
    return codeOf(signal.reason as NodeJS.Signals);
  } finally {
    view.end();
    await worker?.stop();
  }
}

function exportEvent(plan: Plan, begun: Begun): Parameters<View['show']>[0] {
  const { workflowId, request } = plan;
  const since = request.parameters?.['_since'];
  const how = begun.kind === 'complete' ? 'complete' : begun.how;
  return { kind: 'export', how, workflowId, path: begun.path, ...(since === undefined ? {} : { since }) };
}

/** Loads the SDK's worker only where one is needed. */
async function workerFor(
  { config, taskQueue, workflowId }: Plan,
  temporal: Temporal,
): Promise<LocalWorker | undefined> {
  if (config === undefined) return undefined;
  const { startLocalWorker } = await import('./local-worker.ts');
  return startLocalWorker(temporal, config, taskQueue, workflowId);
}

function codeOf(signal: NodeJS.Signals): number {
  return exitCode(signal === 'SIGINT' ? 'interrupted' : 'terminated');
}
