import type { TroubleCause } from '../policy/trouble.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import type { Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { askStatus } from '../fhir-server/ask-status.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import { summaryOfAll } from '../export-folder/index-pages.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { Hold } from '../http/read-text.ts';
import { withBodyMemory } from './body-memory.ts';
import type { Attempt } from './run-activity.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { manifestAsKnown } from './manifest-as-known.ts';
import { believed } from '../profiles/poll-times.ts';
import type { ManifestReading } from '../export-folder/manifest-reading.ts';
import type { PageMeta } from '../export-folder/manifest-pages.ts';
import type { ManifestSummary } from '../export-folder/manifest-summary.ts';

export interface RefreshManifestInput {
  ref: ExportRef;
  /** How often it has been read again before. */
  reading: number;
  /** Milliseconds for which links are known to live: pages that a reading has had for longer are of no use. */
  life?: number;
  token?: TokenRef;
}

export type RefreshManifestResult =
  | TokenNeeded
  | { kind: 'refreshed'; manifest: ManifestSummary; warnings?: Warning[] }
  | { kind: 'gone'; detail: string }
  /** It lists other files than before, or such that may be others. */
  | { kind: 'changed'; detail: string }
  /** `busy`: the server wants fewer requests. */
  | { kind: 'trouble'; cause: TroubleCause; detail: string; retryAfter?: number | undefined; busy?: true };

/** Its first word says for the mark what is in doubt. Some servers give the time of the answer; others ran the job again. */
const OTHER_MOMENT: Warning = {
  code: 'PagesDisagree',
  message:
    'transactionTime was another one when the manifest was read again for fresh links: its files may be of two moments.',
};

/** Bytes of an entry in a manifest, about. */
const BYTES_OF_ENTRY = 300;

/**
 * Reads the manifest again, because links to files expire and a new reading may bring new ones (Bulk Data IG 3.0,
 * output file request). Entries keep their place and name and get the link of the same file. A retry, or the same
 * reading with another token, goes on after the pages that it has: there may be so many that a token ends before the
 * last.
 *
 * @throws ExportError `InvalidManifest`, `ExportFailed`, `AuthorizationFailed`, `DestinationFailed`
 */
export function refreshManifest(
  deps: ActivityDeps,
  input: RefreshManifestInput,
  attempt: Attempt,
): Promise<RefreshManifestResult> {
  return withBodyMemory(attempt.signal, (hold) => readAgain(deps, input, attempt, hold));
}

async function readAgain(
  deps: ActivityDeps,
  { ref, reading, life = Infinity, token }: RefreshManifestInput,
  attempt: Attempt,
  hold: Hold,
): Promise<RefreshManifestResult> {
  const folder = await ExportFolder.open(deps.config, ref);
  const id = { mark: ref.mark, reading };
  const begun = await folder.reading.begin(id, life);
  const summary = await summaryOfAll(folder.pages, folder.entries, hold);
  const server = await deps.servers.get(ref.server);
  const { pages } = begun;
  const known = await folder.pages.all();
  if (begun.kind === 'finished') return refreshed(summary, server, isSameMoment(pages, known));
  const job = await folder.job.accepted();
  const wasComplete = known.at(-1)?.next === undefined;
  for (;;) {
    const url = pages.length === 0 ? job.statusUrl : pages.at(-1)?.next;
    // While the server still works, pages that have not been there before are the poll's.
    if (url === undefined || (pages.length === known.length && !wasComplete)) break;
    const page = pages.length + 1;
    if (pages.some((one) => one.url === url))
      throw new ExportError('InvalidManifest', `page ${pages.length} links back to an earlier page`);
    // As many as there can be, if every file has a page of its own now.
    if (page > known.length + summary.entries) return changed(folder.reading, 'it has no end');
    attempt.report({ page });
    const answer = await askStatus(server, { url, terms: job, wasComplete, token, signal: attempt.signal, hold });
    if (answer.kind === 'gone' || answer.kind === 'tokenNeeded') return answer;
    const wait = believed('retryAfter' in answer ? answer.retryAfter : undefined, server.settings);
    if (answer.kind === 'trouble') return { ...answer, retryAfter: wait };
    if (answer.kind !== 'manifest' || (wasComplete && !answer.complete)) {
      // It makes the links anew, or runs the job again, and says when to come back; with a part of the files perhaps.
      const detail = 'the server says the export is in progress again';
      return { kind: 'trouble', cause: 'outage', detail, retryAfter: wait };
    }
    pages.push(await folder.reading.storePage(id, page, { ...answer.page, manifest: answer.manifest }));
  }
  // Entries of before and after are compared as a whole.
  await hold.take(summary.entries * BYTES_OF_ENTRY);
  const isSame = isSameMoment(pages, known);
  const renewal = await folder.reading.renewLinks(id, pages, isSame);
  if (renewal.kind === 'other') return changed(folder.reading, renewal.detail);
  return refreshed(renewal.manifest, server, isSame);
}

function isSameMoment([first]: readonly PageMeta[], [known]: readonly PageMeta[]): boolean {
  return first?.transactionTime === known?.transactionTime;
}

function refreshed(manifest: ManifestSummary, { settings }: FhirServer, isSame: boolean): RefreshManifestResult {
  return {
    kind: 'refreshed',
    manifest: manifestAsKnown(manifest, settings),
    // Also where it is the end of the job: a job that has ended does not end again.
    ...(isSame ? {} : { warnings: [OTHER_MOMENT] }),
  };
}

async function changed(reading: ManifestReading, detail: string): Promise<RefreshManifestResult> {
  await reading.abandon();
  return { kind: 'changed', detail: `the manifest was read again and may be of other files: ${detail}` };
}
