import type { ExportReport, ExportRequest, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { CHUNK } from '../policy/batches.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import { countFile, sumOfData } from '../policy/type-counts.ts';
import { Deletions } from '../fhir/deletions.ts';
import type { Entry } from '../fhir/entries.ts';
import type { Folder } from '../storage/folder.ts';
import { boundTries } from './bound-tries.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { ManifestSummary } from '../export-folder/export-state.ts';
import { chunkOf, entriesFrom, readReport, readSummary } from '../export-folder/export-state.ts';
import { writeJson } from '../export-folder/json-document.ts';
import { FILES, troubleFile } from '../export-folder/layout.ts';
import { warningsOfContent } from './content-warnings.ts';
import { indexAttachments } from '../export-folder/index-attachments.ts';
import { ManifestDraft } from '../export-folder/manifest-draft.ts';
import { ENTRIES, ISSUES } from '../export-folder/message-files.ts';
import { readLines } from '../export-folder/read-lines.ts';
import type { Receipt } from '../export-folder/receipts.ts';
import { readReceipts } from '../export-folder/receipts.ts';
import type { JobRecord } from '../export-folder/job-record.ts';
import { redactPages } from '../export-folder/redact.ts';
import type { Attempt } from './run-activity.ts';
import { IssueSummary } from '../export-folder/summarize-issues.ts';

export interface SettleExportInput {
  ref: ExportRef;
  /** Without `level` when an older version asks. */
  request: Partial<Pick<ExportRequest, 'level' | 'parameters'>>;
  warnings: Warning[];
  fetchedAgain: Record<string, number>;
  /** Attachments were asked for. */
  attachments: boolean;
  /** No DELETE will follow, which needs the status URL. */
  keepServerFiles: boolean;
}

export type SettleExportResult =
  | { kind: 'settled'; report: ExportReport }
  /** Files that could not be had whole: how many of how many, and the first of them. */
  | { kind: 'incomplete'; missing: number; of: number; first: string[] };

/** Files that are looked at at once. */
const GROUP = 32;
/** Missing files named in a failure. */
const MOST_NAMED = 20;
/** Characters of the reasons given there. */
const LONGEST_REASON = 300;

/**
 * Ends an export: every file is whole, error and deleted files are read, `manifest.json` is published last. A retry
 * after that finds the report that was stored before.
 *
 * @throws ExportError `DestinationFailed`
 */
export async function settleExport(
  deps: ActivityDeps,
  input: SettleExportInput,
  attempt: Attempt,
): Promise<SettleExportResult> {
  const { files: folder, job: record } = await ExportFolder.open(deps.config, input.ref);
  return boundTries(attempt, folder.location, () => settle(folder, record, input, attempt));
}

async function settle(
  folder: Folder,
  record: JobRecord,
  input: SettleExportInput,
  attempt: Attempt,
): Promise<SettleExportResult> {
  const stored = await readReport(folder);
  if (stored !== undefined && (await folder.size(FILES.manifest)) !== undefined) {
    await removeTraces(folder, record, input.keepServerFiles);
    return { kind: 'settled', report: stored };
  }
  const summary = await readSummary(folder);
  const job = await record.read();
  const manifest = await ManifestDraft.open(folder, summary, job?.request ?? '');
  let report: ExportReport;
  try {
    const gathered = await gather(folder, summary, manifest, attempt);
    if (gathered.missing.length > 0) return await reportMissing(folder, summary, gathered.missing);
    await folder.remove(FILES.missing);

    if (gathered.errorFiles > 0) await writeJson(folder, FILES.errorSummary, gathered.issues.document());
    const attachments = input.attachments ? await indexAttachments(folder, attempt) : undefined;
    report = makeReport(folder, input, summary, gathered, attachments);
    await writeJson(folder, FILES.report, report);
    await manifest.publish();
    // Before the server is told that its files are not needed any more.
    await folder.syncNames();
  } finally {
    await manifest.discard();
  }
  await removeTraces(folder, record, input.keepServerFiles);
  return { kind: 'settled', report };
}

/** What is known of all files, and little of each. */
interface Gathered {
  byType: CountsByType;
  errorFiles: number;
  missing: Entry[];
  issues: IssueSummary;
  deletions: Deletions;
}

async function gather(
  folder: Folder,
  summary: ManifestSummary,
  manifest: ManifestDraft,
  attempt: Attempt,
): Promise<Gathered> {
  const gathered: Gathered = {
    byType: {},
    errorFiles: 0,
    missing: [],
    issues: new IssueSummary(),
    deletions: new Deletions(),
  };
  let files = 0;
  for await (const { group, receipts } of groupsOfEntries(folder, summary)) {
    attempt.signal.throwIfAborted();
    const sizes = await Promise.all(group.map(({ name }) => folder.size(name)));
    const whole = [];
    for (const [position, entry] of group.entries()) {
      const receipt = receipts.get(entry.ordinal);
      // The file itself is looked at too: a receipt alone does not prove that nobody removed it.
      if (receipt === undefined || sizes[position] !== receipt.bytes) gathered.missing.push(entry);
      else {
        whole.push({ entry, receipt });
        await boundTries(attempt, `${folder.location}/${entry.name}`, () =>
          addFile(folder, gathered, entry, receipt, attempt.signal),
        );
      }
    }
    await manifest.add(whole);
    files += whole.length;
    attempt.report({ files, of: summary.entries });
  }
  return gathered;
}

async function* groupsOfEntries(
  folder: Folder,
  { entries: total }: ManifestSummary,
): AsyncIterable<{ group: Entry[]; receipts: ReadonlyMap<number, Receipt> }> {
  for (let chunk = 0; chunk <= chunkOf(total - 1); chunk++) {
    const [entries, receipts] = await Promise.all([
      entriesFrom(folder, chunk * CHUNK, total),
      readReceipts(folder, chunk),
    ]);
    for (let from = 0; from < entries.length; from += GROUP)
      yield { group: entries.slice(from, from + GROUP), receipts };
  }
}

async function addFile(
  folder: Folder,
  gathered: Gathered,
  entry: Entry,
  receipt: Receipt,
  signal: AbortSignal,
): Promise<void> {
  if (entry.kind === 'deleted') {
    for await (const one of readLines(folder, entry.name, ENTRIES, signal)) gathered.deletions.add(one);
  } else if (entry.kind === 'error') {
    gathered.errorFiles++;
    for await (const issue of readLines(folder, entry.name, ISSUES, signal)) gathered.issues.add(issue, entry.name);
  } else {
    countFile(gathered.byType, entry, receipt);
  }
}

async function reportMissing(
  folder: Folder,
  summary: ManifestSummary,
  missing: readonly Entry[],
): Promise<SettleExportResult> {
  const listed: { name: string; why: string; page: number; kind: string; index: number; type: string | undefined }[] =
    [];
  for (let from = 0; from < missing.length; from += GROUP) {
    const group = missing.slice(from, from + GROUP).map(async ({ ordinal, name, page, kind, index, type }) => {
      const why = (await folder.read(troubleFile(ordinal)))?.toString('utf8') ?? 'not fetched';
      return { name, why, page, kind, index, type };
    });
    listed.push(...(await Promise.all(group)));
  }
  await writeJson(folder, FILES.missing, listed);
  return {
    kind: 'incomplete',
    missing: missing.length,
    of: summary.entries,
    first: listed.slice(0, MOST_NAMED).map(({ name, why }) => `${name} (${why.slice(0, LONGEST_REASON)})`),
  };
}

function makeReport(
  folder: Folder,
  input: SettleExportInput,
  summary: ManifestSummary,
  gathered: Gathered,
  attachments: ExportReport['attachments'],
): ExportReport {
  const { byType } = gathered;
  const deletions = gathered.deletions.counts();
  return {
    status: gathered.issues.hasProblems ? 'complete-with-issues' : 'complete',
    transactionTime: summary.transactionTime,
    location: folder.location,
    ...sumOfData(byType),
    byType,
    ...(attachments === undefined ? {} : { attachments }),
    deletions,
    issues: gathered.issues.counts(),
    fetchedAgain: input.fetchedAgain,
    warnings: withoutRepeats([
      ...input.warnings,
      ...warningsOfContent(input.request, { ...gathered, deletions }),
      ...warningsOfAttachments(attachments),
    ]),
  };
}

/** The kick-off's answer and an error file may say the same. */
function withoutRepeats(warnings: readonly Warning[]): Warning[] {
  return [...new Map(warnings.map((warning) => [warning.message, warning])).values()];
}

function warningsOfAttachments(attachments: ExportReport['attachments']): Warning[] {
  const { missing = 0, files = 0 } = attachments ?? {};
  if (missing === 0) return [];
  return [{ code: 'AttachmentsMissing', message: `${missing} of ${missing + files}: ${WARNINGS.AttachmentsMissing}` }];
}

async function removeTraces(folder: Folder, record: JobRecord, isLast: boolean): Promise<void> {
  await folder.removeParts();
  await folder.remove(FILES.troubles);
  await folder.remove(FILES.found);
  await redactPages(folder);
  if (isLast) await record.redact();
}
