import type { ExportProgress } from '../../contract.ts';
import { FAILURES } from '../../contract.ts';
import { exitCode } from '../exit-codes.ts';
import type { View } from './events.ts';
import type { Outcome } from './follow.ts';

/** Milliseconds without an answer of workers elsewhere after which the user learns what may be missing. */
const SILENCE = 10_000;

/** Exit code of an export that has ended. */
export function outcomeCode(outcome: Outcome): number {
  if (outcome.kind !== 'complete') return exitCode(outcome.kind);
  return exitCode(outcome.report.status === 'complete' ? 'complete' : 'issues');
}

/** Shows how an export ended. @returns exit code */
export function showOutcome(
  outcome: Outcome,
  workflowId: string,
  view: View,
  { log, seconds }: { log?: string | undefined; seconds?: number } = {},
): number {
  if (outcome.kind === 'complete') {
    view.show({ kind: 'report', report: outcome.report, ...(seconds === undefined ? {} : { seconds }) });
    return outcomeCode(outcome);
  }
  if (outcome.kind === 'cancelled') {
    view.show({ kind: 'cancelled', workflowId });
    return outcomeCode(outcome);
  }
  const { code, message } = outcome;
  const next = Object.entries(FAILURES).find(([name]) => name === code)?.[1].next;
  view.show({
    kind: 'failure',
    code,
    message,
    ...(next === undefined ? {} : { next }),
    ...(log === undefined ? {} : { log }),
  });
  return outcomeCode(outcome);
}

/**
 * Shows the progress of an export that is followed.
 *
 * @param hint told once if nobody answers for a while at first; undefined: the worker is in this process
 */
export function showProgress(view: View, hint: string | undefined): (progress: ExportProgress | undefined) => void {
  let silentSince: number | undefined = performance.now();
  return (progress) => {
    if (progress !== undefined) {
      silentSince = undefined;
      view.show({ kind: 'progress', time: new Date().toISOString(), progress });
    } else if (silentSince !== undefined && performance.now() - silentSince > SILENCE && hint !== undefined) {
      silentSince = undefined;
      view.show({ kind: 'notice', text: hint });
    }
  };
}

/** What may be missing when workers elsewhere do not answer. */
export function noWorker(taskQueue: string, workflowId: string): string {
  return (
    `No answer yet. Is a worker running on the task queue ${taskQueue}? "fhir-bulk-export worker" starts one. To run the ` +
    `export in the command instead, cancel this one first (fhir-bulk-export cancel ${workflowId}), then add --worker.`
  );
}
