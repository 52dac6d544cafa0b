import type { ExportProgress, FailureDetails } from '../contract.ts';
import { sumOfData } from '../policy/type-counts.ts';
import type { ExportState } from './state.ts';

/** Answer to the `progress` query. */
export function progressOf(server: string, state: ExportState, running: number): ExportProgress {
  const { poll, manifest, downloads, attachments } = state.job;
  const { opened } = state;
  const { resources, bytes } = sumOfData(downloads?.seen ?? {});
  const detail = attachments?.downloads.detail ?? downloads?.detail ?? poll.detail;
  return {
    phase: state.phase,
    server,
    ...(opened === undefined ? {} : { location: opened.location }),
    polls: poll.polls,
    ...(poll.serverProgress === undefined ? {} : { serverProgress: poll.serverProgress }),
    ...(state.phase === 'waiting' && poll.notBefore > 0 ? { nextPollAt: new Date(poll.notBefore).toISOString() } : {}),
    ...(manifest === undefined || downloads === undefined
      ? {}
      : {
          files: {
            total: manifest.entries,
            done: downloads.done,
            failed: downloads.failed,
            waiting: manifest.entries - downloads.done - downloads.failed - running,
            running,
          },
        }),
    ...(attachments === undefined
      ? {}
      : {
          attachments: {
            total: attachments.end - attachments.first,
            done: attachments.downloads.done,
            failed: attachments.downloads.failed,
          },
        }),
    resources,
    bytes,
    ...(manifest === undefined ? {} : { transactionTime: manifest.transactionTime }),
    ...(detail === undefined ? {} : { trouble: detail }),
    ...(state.stillSince === undefined ? {} : { standsStillSince: new Date(state.stillSince).toISOString() }),
    ...(downloads === undefined ? {} : { fetchedAgain: downloads.again }),
    warnings: state.warnings,
  };
}

/** How far an export was that has failed. */
export function failureDetails({ phase, location, transactionTime, files }: ExportProgress): FailureDetails {
  return {
    phase,
    ...(location === undefined ? {} : { location }),
    ...(transactionTime === undefined ? {} : { transactionTime }),
    ...(files === undefined ? {} : { files: { total: files.total, done: files.done, failed: files.failed } }),
  };
}

/** The same as Markdown, for the current details in the Web UI. */
export function describeProgress(progress: ExportProgress): string {
  const { files, attachments } = progress;
  const lines = [
    `**${progress.phase}** · server \`${progress.server}\``,
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
    Object.keys(progress.fetchedAgain ?? {}).length === 0
      ? undefined
      : `Fetched again: ${Object.entries(progress.fetchedAgain ?? {})
          .map(([cause, count]) => `${cause} ${count}`)
          .join(', ')}`,
    progress.standsStillSince === undefined ? undefined : `**Stands still since ${progress.standsStillSince}**`,
    progress.trouble === undefined ? undefined : `Being tried again: ${escape(progress.trouble)}`,
    ...progress.warnings.slice(0, 10).map(({ code, message }) => `⚠ ${code}: ${escape(message)}`),
    progress.location === undefined ? undefined : `Destination: \`${progress.location}\``,
  ];
  return lines.filter((line) => line !== undefined).join('\n\n');
}

function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|]/g, '\\$&');
}

function readableBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}
