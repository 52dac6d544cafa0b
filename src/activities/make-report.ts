import type { ExportReport, ExportRequest, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import type { ManifestSummary } from '../export-folder/manifest-summary.ts';
import { sumOfData } from '../policy/type-counts.ts';
import { warningsOfContent } from './content-warnings.ts';
import type { AskedSince } from './report-mark.ts';
import { reportMark } from './report-mark.ts';
import type { ExportContent } from './export-content.ts';

/** What the workflow adds to the report. */
export interface ReportInput {
  /** Without `level` when an older version asks. */
  request: Partial<Pick<ExportRequest, 'level' | 'parameters'>>;
  /** Absent when an older version asks. */
  asked?: AskedSince;
  warnings: Warning[];
  fetchedAgain: Record<string, number>;
}

/**
 * The report of an export whose files are all whole.
 *
 * @param attachments counts, when attachments were asked for
 * @param begunAt the server's own time before it was asked for the job; undefined when that is not known
 */
export function makeReport(
  location: string,
  summary: ManifestSummary,
  content: ExportContent,
  attachments: ExportReport['attachments'],
  input: ReportInput,
  begunAt: string | undefined,
): ExportReport {
  const { byType, deletions, issues } = content;
  const warnings = withoutRepeats([
    ...input.warnings,
    ...warningsOfContent(input.request, content, { organizedBy: summary.organizedBy, earlier: input.warnings }),
    ...warningsOfAttachments(attachments),
  ]);
  const { transactionTime, earliestTime } = summary;
  const outcome = { transactionTime, earliestTime, hasIssues: issues.hasProblems, warnings, begunAt };
  const marked = reportMark(outcome, input.asked);
  return {
    status: issues.hasProblems ? 'complete-with-issues' : 'complete',
    transactionTime,
    ...marked.fields,
    location,
    ...sumOfData(byType),
    byType,
    ...(attachments === undefined ? {} : { attachments }),
    deletions,
    issues: issues.counts(),
    fetchedAgain: input.fetchedAgain,
    warnings: [...warnings, ...marked.warnings],
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
