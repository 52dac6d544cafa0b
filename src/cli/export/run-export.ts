import type { ExportProgress } from '../../contract.ts';
import { FAILURES } from '../../contract.ts';
import { hashRequest } from '../../export-folder/request-hash.ts';
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
import { planExport } from './plan.ts';

/** Milliseconds without an answer of workers elsewhere after which the user learns what may be missing. */
const SILENCE = 10_000;

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
    const plan = await planExport(call.source, call.options, service, call.cwd);
    if (plan.note !== undefined) view.show({ kind: 'notice', text: plan.note });
    isFollowing = true;
    return await run(call, plan, temporal, view, interrupt.signal);
  } finally {
    await temporal.close();
  }
}

async function run(call: ExportCall, plan: Plan, temporal: Temporal, view: View, signal: AbortSignal): Promise<number> {
  const command = { args: [...call.args], cwd: call.cwd };
  const memo = { requestHash: hashRequest(plan.request), ...(plan.config === undefined ? {} : { command }) };
  const begun = await beginExport(temporal, plan, { again: call.options.again === true, memo });
  view.show(exportEvent(plan, begun));
  if (begun.kind === 'complete') {
    const again = `To export anew, add ${call.options.path === undefined ? '--again' : 'another --path'}.`;
    view.show({ kind: 'notice', text: `This export is complete already. ${again}` });
    return showOutcome({ kind: 'complete', report: begun.report }, plan, view);
  }
  const worker = await workerFor(plan, begun.taskQueue, temporal);
  const began = performance.now();
  const look = watcher(view, worker === undefined ? begun.taskQueue : undefined);
  const watch = (until: AbortSignal): Promise<Outcome> =>
    Promise.race([
      follow(temporal.client, plan.workflowId, look, until),
      ...(worker === undefined ? [] : [worker.failed]),
    ]);
  try {
    const outcome = await watch(signal).catch(async (error: unknown) => {
      if (!signal.aborted || call.options.cancelOnInterrupt !== true) throw error;
      view.show({ kind: 'notice', text: 'Cancelling the export; the job on the FHIR server is deleted.' });
      await temporal.client.workflow.getHandle(plan.workflowId).cancel();
      return watch(new AbortController().signal);
    });
    return showOutcome(outcome, plan, view, { worker, seconds: Math.round((performance.now() - began) / 1000) });
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
  const since = request.parameters?._since;
  const how = begun.kind === 'complete' ? 'complete' : begun.how;
  return { kind: 'export', how, workflowId, path: begun.path, ...(since === undefined ? {} : { since }) };
}

/** Loads the SDK's worker only where one is needed. */
async function workerFor(
  { config, workflowId }: Plan,
  taskQueue: string,
  temporal: Temporal,
): Promise<LocalWorker | undefined> {
  if (config === undefined) return undefined;
  const { startLocalWorker } = await import('./local-worker.ts');
  return startLocalWorker(temporal, config, taskQueue, workflowId);
}

/** @param elsewhere task queue of workers that this process does not run */
function watcher(view: View, elsewhere: string | undefined): (progress: ExportProgress | undefined) => void {
  let silentSince: number | undefined = performance.now();
  return (progress) => {
    if (progress !== undefined) {
      silentSince = undefined;
      view.show({ kind: 'progress', time: new Date().toISOString(), progress });
    } else if (silentSince !== undefined && performance.now() - silentSince > SILENCE && elsewhere !== undefined) {
      silentSince = undefined;
      const text = `No answer yet. Is a worker running on the task queue ${elsewhere}? "fhir-bulk-export worker" starts one; "--worker" runs this export here.`;
      view.show({ kind: 'notice', text });
    }
  };
}

function showOutcome(
  outcome: Outcome,
  { workflowId }: Plan,
  view: View,
  { worker, seconds }: { worker?: LocalWorker | undefined; seconds?: number } = {},
): number {
  if (outcome.kind === 'complete') {
    view.show({ kind: 'report', report: outcome.report, ...(seconds === undefined ? {} : { seconds }) });
    return exitCode(outcome.report.status === 'complete' ? 'complete' : 'issues');
  }
  if (outcome.kind === 'cancelled') {
    view.show({ kind: 'cancelled', workflowId });
    return exitCode('cancelled');
  }
  const { code, message } = outcome;
  const next = Object.entries(FAILURES).find(([name]) => name === code)?.[1].next;
  const log = worker?.log;
  view.show({
    kind: 'failure',
    code,
    message,
    ...(next === undefined ? {} : { next }),
    ...(log === undefined ? {} : { log }),
  });
  return exitCode('failed');
}

function codeOf(signal: NodeJS.Signals): number {
  return exitCode(signal === 'SIGINT' ? 'interrupted' : 'terminated');
}
