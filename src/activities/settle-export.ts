import type { ExportReport, ExportRequest, Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { EqualFiles } from '../export-folder/equal-files.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportLog } from '../export-folder/export-log.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import { summaryOfAll } from '../export-folder/index-pages.ts';
import type { ManifestDraft } from '../export-folder/manifest-draft.ts';
import type { ManifestSummary } from '../export-folder/manifest-summary.ts';
import { FinishedMeanwhileError } from '../export-folder/refuse-finished.ts';
import type { Entry } from '../fhir/entries.ts';
import { withBodyMemory } from './body-memory.ts';
import { isOutage, kindOf } from '../storage/storage-error.ts';
import { boundTries } from './bound-tries.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportContent } from './export-content.ts';
import { makeReport } from './make-report.ts';
import type { AskedSince } from './report-mark.ts';
import { forgetUnmarked } from '../export-folder/unmarked-attachments.ts';
import type { Attempt } from './run-activity.ts';

export interface SettleExportInput {
  ref: ExportRef;
  /** Without `level` when an older version asks. */
  request: Partial<Pick<ExportRequest, 'level' | 'parameters'>>;
  /** Absent in histories of earlier versions. */
  asked?: AskedSince;
  warnings: Warning[];
  fetchedAgain: Record<string, number>;
  /** Attachments were asked for. */
  attachments: boolean;
  /** They have not been searched for, because a file was missing. */
  unsearched?: true;
  /** They can be searched for once more. Absent in histories of earlier versions. */
  searchesAgain?: true;
  /** No DELETE will follow, which needs the status URL. */
  keepServerFiles: boolean;
  /** Files may be missing: the others get a manifest of their own. */
  partial?: { reason: string };
}

export type SettleExportResult =
  /** `left`: why something that should go could not be removed. */
  (
    | { kind: 'settled'; report: ExportReport; left?: string }
    /**
     * No file is missing any more, and attachments are to be searched for first, perhaps again: nothing was published.
     */
    | { kind: 'unsearched' }
    /** Files that could not be downloaded completely: how many of how many, and the first of them. */
    | { kind: 'incomplete'; missing: number; of: number; first: string[]; partialManifest?: string }
  ) & {
    /** Of the manifest that was published, where there is an audit trail. */
    manifestSha256?: string;
  };

/** Attempts in which an outage of the destination may pass, when all that matters is done. */
const MOST_TIDYINGS = 10;
/** Missing files named in a failure. */
const MOST_NAMED = 20;
/** Characters of the reasons given there. */
const LONGEST_REASON = 300;

/**
 * Ends an export: every file is whole, error and deleted files are read, `manifest.json` is published last. A retry
 * after that finds the report that was stored before.
 *
 * @throws ExportError `DestinationFailed`; `ExportExpired` when a file may have come twice, and another never
 */
export async function settleExport(
  deps: ActivityDeps,
  input: SettleExportInput,
  attempt: Attempt,
): Promise<SettleExportResult> {
  const folder = await ExportFolder.open(deps.config, input.ref);
  const result = await boundTries(attempt, folder.location, () => finalize(folder, input, attempt));
  if (deps.config.audit === undefined || result.kind === 'unsearched') return result;
  if (result.kind === 'incomplete' && result.partialManifest === undefined) return result;
  // Now: whoever waits for a manifest may take the folder away once it is there.
  const manifestSha256 = await folder.result
    .manifestHash(result.kind === 'settled' ? undefined : result.partialManifest)
    // Whoever records the end tries again, and says why if it cannot be read.
    .catch(() => undefined);
  return { ...result, ...(manifestSha256 === undefined ? {} : { manifestSha256 }) };
}

async function finalize(folder: ExportFolder, input: SettleExportInput, attempt: Attempt): Promise<SettleExportResult> {
  const published = await folder.result.published();
  if (published !== undefined) return tidied(folder, input, published, attempt);
  const summary = await withBodyMemory(attempt.signal, (hold) => summaryOfAll(folder.pages, folder.entries, hold));
  const manifest = await folder.result.openManifest(summary);
  const deletions = folder.openDeletions(summary.transactionTime);
  let log: ExportLog | undefined;
  let report: ExportReport;
  try {
    log = await folder.openLog(input.request.parameters ?? {});
    const content = new ExportContent(folder.files, deletions, attempt.signal);
    const missing = await readFiles(
      folder,
      summary,
      content,
      { manifest, log, isPartial: input.partial !== undefined },
      attempt,
    );
    if (missing.length > 0) {
      const { partial } = input;
      const partialManifest =
        partial && (await folder.result.publishPartial(manifest, { ...partial, missing: missing.length }));
      const result = await reportMissing(folder, missing, summary.entries, log);
      return { ...result, ...(partialManifest === undefined ? {} : { partialManifest }) };
    }
    await folder.result.forgetMissing();
    // An attempt that was given up has brought a file late.
    if (input.unsearched === true) return { kind: 'unsearched' };
    if (input.searchesAgain === true && (await forgetUnmarked(folder, summary.entries, attempt.signal)))
      return { kind: 'unsearched' };

    if (content.errorFiles > 0) await folder.result.saveIssues(content.issues);
    const onLines = (attachments: number): void => attempt.report({ attachments });
    const attachments = input.attachments ? await folder.publishAttachmentIndex(attempt.signal, onLines) : undefined;
    await deletions.publish();
    const begunAt = (await folder.job.read())?.begunAt;
    report = makeReport(folder.location, summary, content, attachments, input, begunAt);
    await log.publishComplete(report);
    await folder.result.publish(report, manifest);
  } catch (error) {
    const finished = error instanceof FinishedMeanwhileError ? await folder.result.published() : undefined;
    if (finished === undefined) throw error;
    report = finished;
  } finally {
    await Promise.all([manifest.discard(), deletions.discard(), log?.discard()]);
  }
  return tidied(folder, input, report, attempt);
}

/** Removes what only a running export needs. The export is complete by now, whatever comes of it. */
async function tidied(
  folder: ExportFolder,
  { keepServerFiles }: SettleExportInput,
  report: ExportReport,
  attempt: Attempt,
): Promise<SettleExportResult> {
  try {
    await folder.removeTraces(keepServerFiles);
    return { kind: 'settled', report };
  } catch (error) {
    const isFinal = error instanceof ExportError;
    if (attempt.signal.aborted || (!isFinal && isOutage(error) && attempt.number < MOST_TIDYINGS)) throw error;
    return { kind: 'settled', report, left: isFinal ? error.message : kindOf(error) };
  }
}

/** Adds all files to the content, the manifest and the log. @returns entries whose files are missing */
async function readFiles(
  folder: ExportFolder,
  summary: ManifestSummary,
  content: ExportContent,
  { manifest, log, isPartial }: { manifest: ManifestDraft; log: ExportLog; isPartial: boolean },
  attempt: Attempt,
): Promise<Entry[]> {
  const missing: Entry[] = [];
  const equal = summary.linkedByOrder === undefined ? undefined : new EqualFiles(summary.linkedByOrder);
  let files = 0;
  for await (const group of folder.wholeFiles(summary.entries)) {
    attempt.signal.throwIfAborted();
    const whole: typeof group.whole = [];
    for (const one of group.whole) {
      const { entry, receipt } = one;
      if (equal?.add(entry, receipt) === true) {
        if (!isPartial) throw new ExportError('ExportExpired', maybeTwice(entry));
        // An operator wants what there is: once.
        await folder.troubles.record(entry.ordinal, maybeTwice(entry));
        missing.push(entry);
        continue;
      }
      await boundTries(attempt, `${folder.location}/${entry.name}`, () => content.addFile(entry, receipt));
      whole.push(one);
    }
    missing.push(...group.missing);
    await manifest.add(whole);
    await log.add(whole);
    files += whole.length;
    attempt.report({ files, of: summary.entries });
  }
  return missing;
}

function maybeTwice({ name }: Entry): string {
  return `${name} is equal to another file, and when the server gave fresh links, only their order told which is which: one file may have come twice, and another never`;
}

async function reportMissing(folder: ExportFolder, missing: readonly Entry[], of: number, log: ExportLog) {
  const listed = await folder.result.saveMissing(missing);
  await log.publishIncomplete(missing, listed);
  const first = listed.slice(0, MOST_NAMED).map(({ name, why }) => `${name} (${why.slice(0, LONGEST_REASON)})`);
  return { kind: 'incomplete' as const, missing: missing.length, of, first };
}
