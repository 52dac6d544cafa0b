import { firstAttachment } from '../policy/batches.ts';
import { DownloadPhase } from './download-phase.ts';
import { continueIfLong } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { widestWindow } from './batch-window.ts';
import { attachmentFiles } from './file-set.ts';
import type { AttachmentState } from './state.ts';
import { newDownloads } from './state.ts';
import { fileStep } from './activity-options.ts';

/**
 * Fetches the attachments of all files, once the files are there. One that cannot be obtained is recorded in the index,
 * and fails nothing: the resource that names it is whole.
 */
export async function attachmentPhase(run: ExportRun): Promise<void> {
  const { opened, job } = run;
  const attachments = (job.attachments ??= begin(run));
  // Searched for first, all of them: one that is put off for long then holds up no other.
  while (attachments.file !== undefined) {
    await continueIfLong(run);
    if (run.steering.isHeld) await run.hold();
    const found = await fileStep(opened, `attachments from file ${attachments.file + 1}`).findAttachments({
      ref: opened.ref,
      file: attachments.file,
      next: attachments.end,
    });
    attachments.end = found.next;
    if (found.finished) delete attachments.file;
    else attachments.file = found.file;
    run.show();
  }
  await new DownloadPhase(run, attachmentFiles(run, attachments)).execute();
}

function begin(run: ExportRun): AttachmentState {
  const first = firstAttachment(run.job.manifest?.entries ?? 0);
  return {
    file: 0,
    first,
    end: first,
    downloads: newDownloads(first, widestWindow(run.opened), Date.now()),
    tokenIsGood: false,
  };
}
