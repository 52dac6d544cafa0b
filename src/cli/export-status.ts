import type { ExportProgress } from '../contract.ts';
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
  /** Command that goes on with it, when its worker was in a command that has ended. */
  next?: string;
}

/** @throws Error when Temporal knows no such export */
export async function exportStatus(temporal: Temporal, workflowId: string): Promise<ExportStatus> {
  const known = await knownExport(temporal, workflowId);
  const row = rowOf(known.description);
  if (!isOpen(known.description)) {
    return { ...row, outcome: await outcomeOf(temporal.client, workflowId, new AbortController().signal) };
  }
  const progress = await answerOf(temporal, workflowId);
  if (progress !== undefined) return { ...row, progress };
  const next = howToGoOn(known);
  return next === undefined ? row : { ...row, next };
}

/** The status for people. */
export function describeStatus({ workflowId, status, startedAt, progress, outcome, next }: ExportStatus): string[] {
  const head = `${workflowId}: ${status}, started ${startedAt}`;
  if (outcome?.kind === 'complete') return [head, ...linesOf({ kind: 'report', report: outcome.report })];
  if (outcome?.kind === 'failed') return [head, ...linesOf(failureEvent(outcome))];
  if (outcome !== undefined) return [head];
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
