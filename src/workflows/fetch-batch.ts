import type { DownloadFilesResult } from '../activities/download-files.ts';
import type { TokenRef } from '../fhir-server/token-needed.ts';
import { fileStep } from './activity-options.ts';
import type { Batch } from './batch.ts';
import { summaryOf } from './batch.ts';
import type { ExportRun } from './export-run.ts';
import type { FileSet } from './file-set.ts';
import type { LinkRenewal } from './link-renewal.ts';

/** Has a worker fetch a batch. */
export function fetchBatch(
  { opened, job, state }: ExportRun,
  batch: Batch,
  { files, links: { terms }, token }: { files: FileSet; links: LinkRenewal; token: { token?: TokenRef } },
): Promise<DownloadFilesResult> {
  return fileStep(opened, summaryOf(batch, files)).downloadFiles({
    ref: opened.ref,
    generation: job.generation,
    ranges: batch.ranges,
    retry: batch.troubles.size > 0,
    ...(files.tokenIsGood() ? { tokenIsGood: true as const } : {}),
    ...(job.completeAt === undefined ? {} : { completeAt: job.completeAt }),
    ...(terms === undefined ? {} : { links: terms }),
    ...(state.wokenAt === undefined ? {} : { wokenAt: state.wokenAt }),
    ...token,
  });
}
