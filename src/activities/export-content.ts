import type { DeletionsDraft } from '../export-folder/deletions-draft.ts';
import { PACKED_NOTHING } from '../download/ndjson-checks.ts';
import { IssueSummary } from '../export-folder/issue-summary.ts';
import { ENTRIES, ISSUES } from '../export-folder/error-and-deleted-files.ts';
import type { PublishedFiles } from '../export-folder/published-files.ts';
import type { Receipt } from '../export-folder/receipt.ts';
import { Deletions } from '../fhir/deletions.ts';
import type { Entry } from '../fhir/entries.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import { countFile } from '../policy/type-counts.ts';

/** What the files of an export hold, in bounded memory: counts, issues and deletions. */
export class ExportContent {
  readonly byType: CountsByType = {};
  readonly issues = new IssueSummary();
  readonly #files: PublishedFiles;
  readonly #draft: DeletionsDraft;
  readonly #signal: AbortSignal;
  readonly #deletions = new Deletions();
  #errorFiles = 0;
  #smaller = 0;

  /** @param draft takes the deletions */
  constructor(files: PublishedFiles, draft: DeletionsDraft, signal: AbortSignal) {
    this.#files = files;
    this.#draft = draft;
    this.#signal = signal;
  }

  get errorFiles(): number {
    return this.#errorFiles;
  }

  /** Counts by resource type. */
  get deletions(): Record<string, number> {
    return this.#deletions.counts();
  }

  /** Entries of deleted files that name no resource. */
  get unnamedDeletions(): number {
    return this.#deletions.unnamed;
  }

  /** Files with fewer bytes than the manifest says. */
  get smallerFiles(): number {
    return this.#smaller;
  }

  /** Counts a whole file; error and deleted files are read. */
  async addFile(entry: Entry, receipt: Receipt): Promise<void> {
    const signal = this.#signal;
    // Packed it would have no more bytes, but for those that gzip adds itself.
    if (receipt.bytes + PACKED_NOTHING < (entry.fileSize ?? 0)) this.#smaller++;
    if (entry.kind === 'deleted') {
      await this.#draft.open();
      for await (const one of this.#files.lines(entry.name, ENTRIES, signal)) {
        const deletion = this.#deletions.add(one);
        if (deletion !== undefined) await this.#draft.add(deletion);
      }
    } else if (entry.kind === 'error') {
      this.#errorFiles++;
      for await (const issue of this.#files.lines(entry.name, ISSUES, signal)) this.issues.add(issue, entry.name);
    } else {
      countFile(this.byType, entry, receipt);
    }
  }
}
