import type { Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { TroubleCause } from '../policy/trouble.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import { askPage } from './ask-page.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { AcceptedJob } from '../export-folder/job-record.ts';
import type { PageMeta } from '../export-folder/manifest-pages.ts';
import type { ManifestSummary } from '../export-folder/manifest-summary.ts';
import type { BadAnswer } from '../export-folder/noted-answers.ts';
import type { Hold } from '../http/read-text.ts';
import { withBodyMemory } from './body-memory.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { believed, shortestWait } from '../profiles/poll-times.ts';
import type { ServerSettings } from '../profiles/settings.ts';
import { manifestAsKnown } from './manifest-as-known.ts';
import { warningsOfPages } from './page-warnings.ts';
import type { Attempt } from './run-activity.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';

export interface PollStatusInput {
  ref: ExportRef;
  token?: TokenRef;
}

export type PollStatusResult =
  | TokenNeeded
  /** `manifest`: of the pages that are ready, when there are some. */
  | ({ kind: 'inProgress'; manifest?: ManifestSummary; progress?: string | undefined } & NextPoll)
  | {
      kind: 'complete';
      manifest: ManifestSummary;
      warnings: Warning[];
      /** When the files end, as far as the manifest does not say it: ISO 8601. */
      filesEnd?: string;
    }
  | { kind: 'gone'; detail: string }
  /** `busy`: the server wants fewer requests. `refused`: by an error that means the end of the job if it stays. */
  | ({ kind: 'trouble'; cause: TroubleCause; detail: string; busy?: true; refused?: true } & NextPoll);

/** Milliseconds. */
interface NextPoll {
  /** That the server names, as far as it is believed. */
  retryAfter?: number | undefined;
  /** The next poll must not come before, whatever the server says. */
  notSooner?: number;
}

const HOUR = 60 * 60 * 1000;

/**
 * Asks the server where the export is, once per page: pages that are ready are stored as received and followed to the
 * next; whatever is not ready is reported, and the workflow waits. A retry resumes after the pages that are stored.
 *
 * @throws ExportError `ExportFailed`, `AuthorizationFailed`, `InvalidManifest`, `NotAllowed`, `DestinationFailed`
 */
export function pollStatus(deps: ActivityDeps, input: PollStatusInput, attempt: Attempt): Promise<PollStatusResult> {
  return withBodyMemory(attempt.signal, (hold) => poll(deps, input, attempt, hold));
}

async function poll(
  deps: ActivityDeps,
  { ref, token }: PollStatusInput,
  attempt: Attempt,
  hold: Hold,
): Promise<PollStatusResult> {
  const folder = await ExportFolder.open(deps.config, ref);
  const job = await folder.job.accepted();
  const server = await deps.servers.get(ref.server);
  const { jobs } = deps.metrics;
  try {
    const result = await follow(deps, { folder, job, server, token }, attempt, hold);
    // Said a few times, this ends the export, and nobody polls any more.
    const isRefused = result.kind === 'trouble' && result.refused === true;
    const isOver = result.kind === 'complete' || result.kind === 'gone' || isRefused;
    if (isOver) jobs.over(server.name, ref.mark);
    else if (job.acceptedAt !== undefined) jobs.inProgress(server.name, ref.mark, job.acceptedAt, waitAfter(result));
    return result;
  } catch (error) {
    if (error instanceof ExportError) jobs.over(server.name, ref.mark);
    throw error;
  }
}

/** Milliseconds; undefined: nobody has named a time. */
function waitAfter(result: PollStatusResult): number | undefined {
  if (result.kind !== 'inProgress' && result.kind !== 'trouble') return undefined;
  return Math.max(result.retryAfter ?? 0, result.notSooner ?? 0);
}

interface Followed {
  folder: ExportFolder;
  job: AcceptedJob;
  server: FhirServer;
  token: TokenRef | undefined;
}

async function follow(
  deps: ActivityDeps,
  { folder, job, server, token }: Followed,
  attempt: Attempt,
  hold: Hold,
): Promise<PollStatusResult> {
  const pages = await folder.pages.all();
  const known = new Set(pages.map((page) => page.url));
  let files = pages.reduce((sum, page) => sum + (page.files ?? 0), 0);
  for (;;) {
    const last = pages.at(-1);
    if (last !== undefined && last.next === undefined) {
      const manifest = await indexed(folder, server, hold);
      const warnings = warningsOfPages(pages, manifest.listedTwice);
      return {
        kind: 'complete',
        manifest,
        warnings,
        ...filesEnd(manifest, server.settings),
      };
    }
    requireOther(known, last?.next, pages.length);
    if (pages.length >= deps.limits.manifestPages) {
      throw new ExportError('InvalidManifest', `it has more than ${deps.limits.manifestPages} pages`);
    }
    attempt.report({ page: pages.length + 1 });
    const onTrouble = (trouble: Pick<BadAnswer, 'status' | 'detail'>): Promise<void> =>
      folder.note({ to: 'poll', ...trouble });
    const { url, answer } = await askPage(
      { folder, server, statusUrl: job.statusUrl, pages },
      { terms: job, token, signal: attempt.signal, hold, onTrouble },
    );
    requireOther(known, url === job.statusUrl ? undefined : url, pages.length);
    if (answer.kind !== 'manifest') {
      if (answer.kind === 'inProgress') {
        return {
          ...answer,
          ...nextPoll(answer, server.settings),
          ...(await readyPages(folder, pages, server, hold)),
        };
      }
      // A job that seems to be gone is known to be so within a minute.
      const isOutage = answer.kind === 'trouble' && answer.cause === 'outage';
      return isOutage ? { ...answer, ...nextPoll(answer, server.settings) } : answer;
    }
    // While the export is in progress, a page is final when it has a link; until then it may still grow one
    // (Bulk Data IG 3.0, allowPartialManifests).
    if (answer.complete || answer.manifest.next !== undefined) {
      files += answer.manifest.files.length;
      if (files > deps.limits.manifestFiles) {
        throw new ExportError('InvalidManifest', `it names more than ${deps.limits.manifestFiles} files`);
      }
      known.add(url);
      pages.push(await folder.pages.store(pages.length + 1, { ...answer.page, manifest: answer.manifest }));
    }
    if (!answer.complete) {
      const { progress } = answer;
      return {
        kind: 'inProgress',
        ...(await readyPages(folder, pages, server, hold)),
        ...nextPoll(answer, server.settings),
        ...(progress === undefined ? {} : { progress }),
      };
    }
  }
}

/** @throws ExportError `InvalidManifest` when the link of a page leads to one that has been read */
function requireOther(known: ReadonlySet<string>, next: string | undefined, page: number): void {
  if (next !== undefined && known.has(next))
    throw new ExportError('InvalidManifest', `page ${page} links back to an earlier page`);
}

/** Makes entries of the pages that are there. @throws ExportError `NotAllowed` when one must not be downloaded */
async function indexed(folder: ExportFolder, server: FhirServer, hold: Hold): Promise<ManifestSummary> {
  const manifest = await folder.indexPages(hold, (entry) => server.requireAllowedFile(entry));
  return manifestAsKnown(manifest, server.settings);
}

function filesEnd({ readAt }: ManifestSummary, { filesKeptHours }: ServerSettings): { filesEnd?: string } {
  if (readAt === undefined || filesKeptHours === undefined) return {};
  return { filesEnd: new Date(readAt + filesKeptHours * HOUR).toISOString() };
}

function nextPoll({ retryAfter }: Pick<NextPoll, 'retryAfter'>, settings: ServerSettings): NextPoll {
  const wait = believed(retryAfter, settings);
  return { ...(wait === undefined ? {} : { retryAfter: wait }), ...notSooner(settings) };
}

function notSooner(settings: ServerSettings): Pick<NextPoll, 'notSooner'> {
  const shortest = shortestWait(settings);
  return shortest > 0 ? { notSooner: shortest } : {};
}

async function readyPages(
  folder: ExportFolder,
  pages: readonly PageMeta[],
  server: FhirServer,
  hold: Hold,
): Promise<{ manifest?: ManifestSummary }> {
  if (pages.length === 0) return {};
  // Also when the report of the poll that stored the last of them was lost.
  const known = await folder.entries.indexed();
  return {
    manifest:
      known?.pages === pages.length ? manifestAsKnown(known, server.settings) : await indexed(folder, server, hold),
  };
}
