import { ExportError } from '../errors.ts';
import type { Manifest } from '../fhir/manifest.ts';
import { readManifest } from '../fhir/manifest.ts';
import type { TroubleCause } from '../fhir/trouble.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import { askStatus } from './ask-status.ts';
import type { ActivityDeps } from './deps.ts';
import type { ExportRef, ManifestSummary } from './export-state.ts';
import { openExportFolder, pageFile, readJob } from './export-state.ts';
import { indexPages, readPages, storePage } from './manifest-store.ts';
import type { Attempt } from './run-activity.ts';
import type { TokenNeeded } from './token-needed.ts';

export interface RefreshManifestInput {
  ref: ExportRef;
  token?: TokenRef;
}

export type RefreshManifestResult =
  | TokenNeeded
  | { kind: 'refreshed'; manifest: ManifestSummary }
  | { kind: 'gone'; words: string }
  | { kind: 'trouble'; cause: TroubleCause; words: string; retryAfter?: number };

/**
 * Reads the manifest again, because links to files expire and a new reading may bring new ones (Bulk Data IG 3.0,
 * output file request). Files are known by their place: a page that does not have the same files is refused.
 *
 * @throws ExportError `InvalidManifest`, `ExportFailed`, `AuthorizationFailed`, `DestinationFailed`
 */
export async function refreshManifest(
  deps: ActivityDeps,
  { ref, token }: RefreshManifestInput,
  attempt: Attempt,
): Promise<RefreshManifestResult> {
  const folder = await openExportFolder(deps, ref);
  const job = await readJob(folder);
  const stored = await readPages(folder);
  let url: string | undefined = job.statusUrl;
  for (let page = 1; page <= stored.length && url !== undefined; page++) {
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
    url = (await storePage(folder, page, { body, manifest: answer.manifest, url, expires })).next;
  }
  return { kind: 'refreshed', manifest: await indexPages(folder) };
}

function haveSameFiles(before: Manifest, after: Manifest): boolean {
  const shape = ({ files }: Manifest): string =>
    JSON.stringify(files.map(({ kind, index, type }) => [kind, index, type]));
  return shape(before) === shape(after);
}
