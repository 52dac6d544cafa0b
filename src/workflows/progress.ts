import type { ExportProgress, FailureDetails } from '../contract.ts';
import type { InSecond } from '../policy/pace.ts';
import { secondsLeft } from '../policy/pace.ts';
import { readableBytes, readableTime } from '../policy/readable.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import { dataByType, sumOfData } from '../policy/type-counts.ts';
import type { DownloadState, ExportState } from './state.ts';

/** Answer to the `progress` query. */
export function progressOf(server: string, state: ExportState, running: number): Omit<ExportProgress, 'deadline'> {
  const { poll, manifest, downloads, attachments } = state.job;
  const { opened } = state;
  const { resources, bytes } = sumOfData(downloads?.seen ?? {});
  const ofFiles = attachments?.downloads.detail ?? downloads?.detail;
  return {
    phase: state.phase,
    server,
    location: opened?.location,
    polls: poll.polls,
    queue: state.phase === 'queued' ? state.gate?.place : undefined,
    serverProgress: poll.serverProgress,
    nextPollAt: state.phase === 'waiting' && poll.notBefore > 0 ? isoTime(poll.notBefore) : undefined,
    files: manifest && downloads && filesOf(manifest.entries, downloads, running),
    attachments: attachments && {
      total: attachments.end - attachments.first,
      done: attachments.downloads.done,
      failed: attachments.downloads.failed,
    },
    resources,
    bytes,
    knownBytes: manifest?.knownBytes,
    transactionTime: manifest?.transactionTime,
    since: opened?.since,
    trouble: state.steering?.attention ?? ofFiles ?? state.gate?.trouble ?? poll.detail,
    standsStillSince: state.stillSince === undefined ? undefined : isoTime(state.stillSince),
    fetchedAgain: downloads?.again,
    warnings: state.warnings,
  };
}

function filesOf(total: number, { done, failed }: DownloadState, running: number): ExportProgress['files'] {
  return { total, done, failed, waiting: total - done - failed - running, running };
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}

/** How far an export was that has failed. */
export function failureDetails({ phase, location, transactionTime, since, files }: ExportProgress): FailureDetails {
  return {
    phase,
    location,
    transactionTime,
    since,
    files: files && { total: files.total, done: files.done, failed: files.failed },
  };
}

/** Beside the progress, what only the Web UI shows. */
export interface Shown {
  /** Files that are done. */
  seen?: Readonly<CountsByType> | undefined;
  /** Of late, in a second. */
  pace?: InSecond | undefined;
}

/** Types that are named; there are up to 150. */
const TYPES_SHOWN = 12;

/** The same as Markdown, for the current details in the Web UI. */
export function describeProgress(progress: ExportProgress, { seen = {}, pace }: Shown = {}): string {
  const { files, attachments } = progress;
  const lines = [
    `**${progress.phase}** · server \`${progress.server}\``,
    progress.paused === undefined
      ? undefined
      : `**Paused** (${progress.paused.what}) since ${progress.paused.since}; the deadline stays ${progress.deadline}`,
    progress.concurrency === undefined ? undefined : `At most ${progress.concurrency} downloads at a time`,
    progress.queue === undefined
      ? undefined
      : `Waits for a slot of the server: place **${progress.queue.place} of ${progress.queue.waiting}**`,
    progress.nextPollAt === undefined
      ? undefined
      : `Next poll: ${progress.nextPollAt} (polls so far: ${progress.polls})`,
    progress.serverProgress === undefined ? undefined : `The server says: ${escape(progress.serverProgress)}`,
    files === undefined
      ? undefined
      : `Files: **${files.done} of ${files.total}** done, ${files.running} running, ${files.waiting} waiting, ${files.failed} failed`,
    attachments === undefined
      ? undefined
      : `Attachments: **${attachments.done} of ${attachments.total}** done, ${attachments.failed} failed`,
    progress.resources === 0 ? undefined : `Resources: ${progress.resources} (${readableBytes(progress.bytes)})`,
    byType(seen),
    paceOf(progress, pace),
    Object.keys(progress.fetchedAgain ?? {}).length === 0
      ? undefined
      : `Fetched again: ${Object.entries(progress.fetchedAgain ?? {})
          .map(([cause, count]) => `${cause} ${count}`)
          .join(', ')}`,
    progress.standsStillSince === undefined ? undefined : `**Stands still since ${progress.standsStillSince}**`,
    progress.pending === undefined
      ? undefined
      : `Not done yet: **${progress.pending}**. If it stays so, *Pending Activities* says why`,
    progress.trouble === undefined
      ? undefined
      : `${progress.phase === 'needs-attention' ? 'An operator is to decide' : 'Being tried again'}: ${escape(progress.trouble)}`,
    ...progress.warnings.slice(0, 10).map(({ code, message }) => `⚠ ${code}: ${escape(message)}`),
    progress.location === undefined ? undefined : `Destination: \`${progress.location}\``,
  ];
  return lines.filter((line) => line !== undefined).join('\n\n');
}

function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|]/g, '\\$&');
}

function byType(seen: Readonly<CountsByType>): string | undefined {
  const types = dataByType(seen).toSorted(([, one], [, other]) => other.resources - one.resources);
  if (types.length === 0) return undefined;
  const named = types.slice(0, TYPES_SHOWN).map(([type, { resources }]) => `${type} ${resources}`);
  const more = types.length - named.length;
  return `By type: ${named.join(', ')}${more === 0 ? '' : `, and ${more} more`}`;
}

/** Nothing while nothing comes. */
function paceOf({ phase, files, bytes, knownBytes }: ExportProgress, pace: Shown['pace']): string | undefined {
  if (phase !== 'downloading' || files === undefined || pace === undefined || pace.files <= 0) return undefined;
  const left = secondsLeft({ ...files, bytes, knownBytes }, pace) ?? 0;
  return `Of late: ${readableBytes(pace.bytes)}/s, about ${readableTime(left)} left`;
}
