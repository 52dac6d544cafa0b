import type { ExportProgress } from '../contract.ts';
import { UnreadablePayload } from '../codec/unreadable.ts';
import { isOpen } from '../process/is-running.ts';
import type { Outcome } from './export/follow.ts';
import { outcomeOf } from './export/follow.ts';
import { failureEvent } from './export/show.ts';
import type { ExportRow } from './export-rows.ts';
import { rowOf } from './export-rows.ts';
import { answerOf, howToGoOn, knownExport } from './one-export.ts';
import type { Temporal } from './temporal.ts';
import { linesOf, ProgressText } from './view/describe.ts';

/** What is known of one export. */
export interface ExportStatus extends ExportRow {
  /** While it runs; absent when no worker answers. */
  progress?: ExportProgress;
  /** How it ended. */
  outcome?: Outcome;
  /** Why the progress, or how it ended, cannot be read here. */
  unreadable?: string;
  /** Command that goes on with it, when its worker was in a command that has ended. */
  next?: string;
}

/** @throws Error when Temporal knows no such export */
export async function exportStatus(temporal: Temporal, workflowId: string): Promise<ExportStatus> {
  const known = await knownExport(temporal, workflowId);
  const row = rowOf(known.description);
  if (!isOpen(known.description)) {
    try {
      return { ...row, outcome: await outcomeOf(temporal.client, workflowId, new AbortController().signal) };
    } catch (error) {
      if (error instanceof UnreadablePayload) return { ...row, unreadable: error.message };
      throw error;
    }
  }
  const look = await answerOf(temporal, workflowId);
  if (look.kind === 'progress') return { ...row, progress: look.progress };
  if (look.kind === 'unreadable') return { ...row, unreadable: look.why };
  const next = howToGoOn(known);
  return next === undefined ? row : { ...row, next };
}

/** The status for people. */
export function describeStatus(status: ExportStatus): string[] {
  const { workflowId, startedAt, progress, outcome, unreadable, next } = status;
  const head = `${workflowId}: ${status.status}, started ${startedAt}`;
  if (outcome?.kind === 'complete') return [head, ...linesOf({ kind: 'report', report: outcome.report })];
  if (outcome?.kind === 'failed') return [head, ...linesOf(failureEvent(outcome))];
  if (outcome !== undefined) return [head];
  if (unreadable !== undefined) {
    // What Temporal itself knows is not encrypted.
    const known = [status.server, status.endedAs ?? status.phase, status.endedAt].filter((one) => one !== undefined);
    const isOver = status.endedAt !== undefined;
    return [
      head,
      ...(known.length === 0 ? [] : [known.join(' · ')]),
      `${isOver ? 'How it ended' : 'A worker answers, which'} cannot be read here. ${unreadable}`,
    ];
  }
  if (progress !== undefined) {
    const { location, warnings } = progress;
    return [
      head,
      ...new ProgressText().lines(progress, Date.now()),
      ...warnings.map(({ code, message }) => `warning  ${code}: ${message}`),
      ...(location === undefined ? [] : [`files    ${location}`]),
    ];
  }
  return [head, 'No worker answers.', ...(next === undefined ? [] : [`To go on with it: ${next}`])];
}
