import { FAILURES, TASK_QUEUE } from '../../contract.ts';
import { quote } from '../arguments.ts';
import { exitCode } from '../exit-codes.ts';
import type { KnownExport } from '../one-export.ts';
import { howToGoOn } from '../one-export.ts';
import type { ExportEvent, View } from './events.ts';
import type { FollowLook, Outcome } from './follow.ts';

/** Milliseconds without an answer after which the user learns what may be missing. */
const SILENCE = 10_000;
/** The same before the first answer, when the screen is empty. */
const FIRST_SILENCE = 4000;

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
  view.show({ ...failureEvent(outcome), ...(log === undefined ? {} : { log }) });
  return outcomeCode(outcome);
}

/** A failure, with what to do. */
export function failureEvent({ code, message }: Outcome & { kind: 'failed' }): ExportEvent & { kind: 'failure' } {
  const next = Object.entries(FAILURES).find(([name]) => name === code)?.[1].next;
  return { kind: 'failure', code, message, ...(next === undefined ? {} : { next }) };
}

/**
 * Shows the progress of an export that is followed, and says when nobody answers any more, or not yet.
 *
 * @param hint what may be missing when no worker answers; undefined: the worker is in this process
 */
export function showProgress(view: View, hint: string | undefined): (answer: FollowLook) => void {
  let since = performance.now();
  let isSaid = false;
  let patience = FIRST_SILENCE;
  return (answer) => {
    if (answer.kind === 'progress') {
      patience = SILENCE;
      since = performance.now();
      isSaid = false;
      view.show({ kind: 'progress', time: new Date().toISOString(), progress: answer.progress });
      return;
    }
    const text = noticeOf(answer, hint);
    // Keys that are not here do not come by waiting.
    const isEarly = answer.kind !== 'unreadable' && performance.now() - since < patience;
    if (text === undefined || isSaid || isEarly) return;
    isSaid = true;
    // What was drawn last is how it was; the pace of it is over.
    view.end();
    view.show({ kind: 'notice', text });
  };
}

/** @param hint what may be missing when no worker answers */
function noticeOf(answer: Exclude<FollowLook, { kind: 'progress' }>, hint: string | undefined): string | undefined {
  if (answer.kind === 'unreadable') return `A worker answers. ${answer.why}`;
  return answer.kind === 'silent' ? hint : 'Temporal cannot be reached. This goes on when it can.';
}

/** What may be missing when nobody in this process runs an export, and nobody answers. */
export function hintOf(known: KnownExport): string {
  const goOn = howToGoOn(known);
  if (goOn !== undefined) return `Nobody runs this export now. To go on with it: ${goOn}`;
  const { workflowId, description } = known;
  return (
    `No answer. Is a worker running on the task queue ${description.taskQueue}? "${workerFor(description)}" starts one. To ` +
    `run the export in the command instead, end this one first (${terminate(workflowId)}), then add --worker.`
  );
}

/** The same of an export that is being cancelled, which only a worker can do. */
export function hintOfCancel(known: KnownExport): string {
  const { workflowId, description, command } = known;
  if (command !== undefined) return hintOf(known);
  return (
    `No worker answers on the task queue ${description.taskQueue}. The cancel is recorded, and is carried out once one ` +
    `runs there: "${workerFor(description)}" starts one. Ctrl-C ends this wait only. To end the export without a worker, ` +
    `and without any clean-up: ${terminate(workflowId)}`
  );
}

/** Command line of a worker that takes up an export. */
function workerFor({ taskQueue }: KnownExport['description']): string {
  return `${taskQueue === TASK_QUEUE ? '' : `BULK_EXPORT_TASK_QUEUE=${quote(taskQueue)} `}fhir-bulk-export worker`;
}

/** Only Temporal itself can end what no worker answers for. */
function terminate(workflowId: string): string {
  return `temporal workflow terminate --workflow-id ${quote(workflowId)}`;
}
