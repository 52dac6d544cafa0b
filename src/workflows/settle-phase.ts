import type { ExportReport } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { longStep } from './activity-options.ts';
import { attentionOf } from './attention-phase.ts';
import { deleteOfComplete } from './delete-phase.ts';
import type { ExportRun } from './export-run.ts';
import { failure } from './failure.ts';
import { markInput, warningsToTell } from './incremental.ts';
import type { DownloadState } from './state.ts';
import { addWarnings } from './state.ts';

/**
 * Ends the export: all files are looked at, `manifest.json` is published, the job is deleted.
 *
 * @returns undefined when it is too early: an operator is to decide about missing files, or attachments are to be fetched
 * @throws ApplicationFailure `IncompleteExport`
 */
export async function settlePhase(run: ExportRun): Promise<ExportReport | undefined> {
  const { state, request, job, steering } = run;
  run.enter('settling');
  const reason = steering.end?.reason;
  const result = await longStep('settle').settleExport({
    ref: run.opened.ref,
    request: { level: request.level, parameters: run.parameters },
    ...markInput(run),
    warnings: warningsToTell(state),
    fetchedAgain: sum(job.downloads?.again ?? {}, job.attachments?.downloads.again ?? {}),
    attachments: request.attachments !== undefined,
    ...(request.attachments !== undefined && job.attachments === undefined ? { unsearched: true as const } : {}),
    ...(job.attachments !== undefined && job.searchedAgain !== true ? { searchesAgain: true as const } : {}),
    keepServerFiles: request.keepServerFiles === true,
    ...(reason === undefined ? {} : { partial: { reason } }),
  });
  const { manifestSha256 } = result;
  run.published = { manifestSha256, ...(result.kind === 'settled' ? { report: result.report } : {}) };
  if (result.kind === 'incomplete') {
    const { missing, of, first, partialManifest } = result;
    const more = missing > first.length ? ' and more' : '';
    const what = `${missing} of ${of} files could not be downloaded completely: ${first.join(', ')}${more}`;
    if (run.waitsForOperator) {
      steering.needs(attentionOf(what));
      return undefined;
    }
    run.incomplete = { missing, partialManifest, reason };
    throw failure('IncompleteExport', `${what}; all of them are in .export/missing.json`);
  }
  if (result.kind === 'unsearched') {
    if (job.downloads !== undefined) noneHasFailed(job.downloads);
    if (job.attachments !== undefined) job.searchedAgain = true;
    delete job.attachments;
    return undefined;
  }
  state.warnings = result.report.warnings;
  if (result.left !== undefined) {
    addWarnings(state, [{ code: 'TracesLeft', message: `${WARNINGS.TracesLeft} (${result.left})` }]);
  }
  if (request.keepServerFiles !== true) await deleteOfComplete(run);
  return reportOf(run, result.report);
}

/** What a run reports whose `manifest.json` is published. */
export function reportOf(run: ExportRun, report: ExportReport): ExportReport {
  addWarnings(run.state, report.warnings);
  // Nothing is tried again any more.
  delete run.job.poll.detail;
  run.enter('complete', report.status);
  return { ...report, warnings: run.state.warnings };
}

/** Files that were given up are there, whoever has brought them. */
function noneHasFailed(downloads: DownloadState): void {
  downloads.done += downloads.failed;
  downloads.failed = 0;
  delete downloads.refused;
  delete downloads.gaveUp;
  delete downloads.causes;
}

function sum(one: Record<string, number>, other: Record<string, number>): Record<string, number> {
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(keys.map((key) => [key, (one[key] ?? 0) + (other[key] ?? 0)]));
}
