import type { ExportRun } from './export-run.ts';
import type { LinkState, ReadLinks } from '../policy/link-life.ts';
import { NO_LINKS } from '../policy/link-life.ts';
import { widestWindow } from './batch-window.ts';
import type { Refreshed } from './refresh-phase.ts';
import { refreshPhase } from './refresh-phase.ts';
import type { AttachmentState, DownloadState } from './state.ts';
import { newDownloads } from './state.ts';

/** Files that are fetched together. */
export interface FileSet {
  noun: 'file' | 'attachment';
  state: DownloadState;
  /** Ordinal of the first. */
  first: number;
  /** Ordinal behind the last that is known. */
  end(): number;
  /** When the links end: ISO 8601. */
  expires(): string | undefined;
  /** A refused token is known to be good for others. */
  tokenIsGood(): boolean;
  /** Notes by how many the batches in flight have changed. */
  running(change: number): void;
  /** What is known of how long links live; undefined when they cannot be renewed. */
  links(): LinkState | undefined;
  /** What the manifest says of them. */
  read(): ReadLinks | undefined;
  /** Does what can be done about refused links, and links that end soon. */
  refused(): Promise<Refreshed>;
}

/** The files that the manifest names. */
export function manifestFiles(run: ExportRun): FileSet {
  const { job } = run;
  const downloads = (job.downloads ??= newDownloads(0, widestWindow(run.opened), Date.now()));
  return {
    noun: 'file',
    state: downloads,
    first: 0,
    end: () => job.manifest?.entries ?? 0,
    expires: () => job.manifest?.expires ?? job.filesEnd,
    links: () => (downloads.links ??= { ...NO_LINKS }),
    read: () => job.manifest,
    tokenIsGood: () => downloads.goodToken !== undefined && downloads.goodToken === run.state.token?.epoch,
    running: (change) => {
      run.batches += change;
    },
    refused: () => refreshPhase(run),
  };
}

/** The attachments that have been found in them. */
export function attachmentFiles(run: Pick<ExportRun, 'attachmentBatches'>, state: AttachmentState): FileSet {
  return {
    noun: 'attachment',
    state: state.downloads,
    first: state.first,
    end: () => state.end,
    expires: () => undefined,
    links: () => undefined,
    read: () => undefined,
    tokenIsGood: () => state.tokenIsGood,
    running: (change) => {
      run.attachmentBatches += change;
    },
    refused: async () => {
      // A token that is new has been refused as well: from now on a refusal is about the attachment.
      state.tokenIsGood = true;
      return 'read';
    },
  };
}
