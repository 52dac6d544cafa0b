import { ExportError } from '../errors.ts';
import type { Manifest } from '../fhir/manifest.ts';
import { readManifest } from '../fhir/manifest.ts';
import type { TroubleCause } from '../fhir/trouble.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import type { ExportFolder } from '../storage/export-folder.ts';
import { askStatus } from './ask-status.ts';
import type { ActivityDeps } from './deps.ts';
import type { ExportRef, ManifestSummary } from './export-state.ts';
import { openExportFolder, pageFile, readJob, readJson, writeJson } from './export-state.ts';
import { indexPages, readPages, storePage } from './manifest-store.ts';
import type { Attempt } from './run-activity.ts';
import type { TokenNeeded } from './token-needed.ts';

export interface RefreshManifestInput {
  ref: ExportRef;
  /** How often it has been read again before. */
  reading: number;
  token?: TokenRef;
}

export type RefreshManifestResult =
  | TokenNeeded
  | { kind: 'refreshed'; manifest: ManifestSummary }
  | { kind: 'gone'; words: string }
  | { kind: 'trouble'; cause: TroubleCause; words: string; retryAfter?: number };

/** How far a reading has come; the pages themselves are stored. */
const PROGRESS = '.export/reading.json';

interface ReadingProgress {
  mark: string;
  reading: number;
  pages: number;
  /** When the last of them was read, milliseconds since the epoch. */
  at: number;
}

/** Milliseconds after which the pages of a reading that stopped are not fresh any more. */
const FRESH = 5 * 60_000;

/**
 * Reads the manifest again, because links to files expire and a new reading may bring new ones (Bulk Data IG 3.0,
 * output file request). Files are known by their place: a page that does not have the same files is refused. A retry,
 * or the same reading with another token, goes on after the pages that it has: there may be so many that a token ends
 * before the last.
 *
 * @throws ExportError `InvalidManifest`, `ExportFailed`, `AuthorizationFailed`, `DestinationFailed`
 */
export async function refreshManifest(
  deps: ActivityDeps,
  { ref, reading, token }: RefreshManifestInput,
  attempt: Attempt,
): Promise<RefreshManifestResult> {
  const folder = await openExportFolder(deps, ref);
  const job = await readJob(folder);
  const stored = await readPages(folder);
  let pages = await pagesRead(folder, ref, reading);
  for (; pages < stored.length; pages++) {
    const page = pages + 1;
    const url = pages === 0 ? job.statusUrl : stored[pages - 1]?.next;
    if (url === undefined) break;
    attempt.report({ page });
    const { answer, body, expires } = await askStatus(deps, ref.server, url, job, token, attempt.signal);
    if (answer.kind === 'gone' || answer.kind === 'trouble' || answer.kind === 'tokenNeeded') return answer;
    if (answer.kind !== 'manifest')
      return { kind: 'trouble', cause: 'unusable', words: 'the server says the export is in progress again' };
    const before = readManifest((await folder.read(pageFile(page)))?.toString('utf8') ?? '');
    if (!('files' in before) || !haveSameFiles(before, answer.manifest)) {
      throw new ExportError(
        'InvalidManifest',
        `page ${page} lists other files than before; a manifest once sent must not change`,
      );
    }
    stored[pages] = await storePage(folder, page, { body, manifest: answer.manifest, url, expires });
    await writeJson(folder, PROGRESS, {
      mark: ref.mark,
      reading,
      pages: page,
      at: Date.now(),
    } satisfies ReadingProgress);
  }
  return { kind: 'refreshed', manifest: await indexPages(folder) };
}

/** Pages that this very reading has; those of an earlier one, of another run, or from long ago are not fresh. */
async function pagesRead(folder: ExportFolder, { mark }: ExportRef, reading: number): Promise<number> {
  const progress = await readJson<ReadingProgress>(folder, PROGRESS);
  const isOurs = progress?.mark === mark && progress.reading === reading && Date.now() - progress.at < FRESH;
  return isOurs ? progress.pages : 0;
}

function haveSameFiles(before: Manifest, after: Manifest): boolean {
  const shape = ({ files }: Manifest): string =>
    JSON.stringify(files.map(({ kind, index, type }) => [kind, index, type]));
  return shape(before) === shape(after);
}
