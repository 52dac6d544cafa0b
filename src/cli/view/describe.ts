import type { ExportProgress } from '../../contract.ts';
import { tidy } from '../../fhir/quote.ts';
import type { ExportEvent } from '../export/events.ts';
import { Pace, secondsLeft } from '../../policy/pace.ts';
import { MOST_CONCURRENT } from '../../steering-contract.ts';
import { atMost, count, readableBytes, readableTime } from './readable.ts';
import { reportLines } from './report-lines.ts';

/** Letters of the bar, and where the terminal has fewer columns than that. */
const BAR = 24;
const SHORT_BAR = 5;
const NARROW = 60;
/** What a further line begins with. */
const INDENT = ' '.repeat(13);
/** Milliseconds of the past by which the pace is told. */
const PACE_WINDOW = 30_000;
/** What an operator may do about files that cannot be obtained. */
const DECISIONS = 'To go on: fhir-bulk-export retry, finish-incomplete or give-up';
/** Longest quotation of a server's words, or of a trouble. */
const QUOTE = 300;

/** Says in words what happens, for all views but that of machines. Progress is told by {@link ProgressText}. */
export function linesOf(event: Exclude<ExportEvent, { kind: 'progress' }>): string[] {
  switch (event.kind) {
    case 'temporal':
      return event.webUi === undefined
        ? [`Temporal: ${event.address}`]
        : [`Temporal: embedded, Web UI ${event.webUi} (state in ${event.state})`];
    case 'export':
      return [
        `${HOW[event.how]} ${event.workflowId}${event.since === undefined ? '' : `, changes since ${event.since}`}`,
      ];
    case 'notice':
      return [event.text];
    case 'report':
      return reportLines(event.report, event.seconds);
    case 'failure':
      return [
        `The export failed. ${event.message}`,
        ...(event.next === undefined ? [] : [`What to do: ${event.next}`]),
        ...(event.log === undefined ? [] : [`Log of the worker: ${event.log}`]),
      ];
    case 'cancelled':
      return [`Export ${event.workflowId} was cancelled. Complete files stay.`];
    case 'interrupted':
      if (event.goesOn) return [`The export goes on without this command. To follow it again:`, `  ${event.next}`];
      return event.isWatched === true
        ? [`Nobody runs the export. To go on where it left off:`, `  ${event.next}`]
        : [`Stopping (Ctrl-C again: at once); nothing is lost. To go on where this left off:`, `  ${event.next}`];
  }
}

const HOW = {
  started: 'Export',
  running: 'Going on with export',
  resumed: 'Resuming the unfinished export',
  complete: 'Export',
} as const;

/** Says how far an export is; it keeps the pace. */
export class ProgressText {
  readonly #pace = new Pace(PACE_WINDOW);

  /**
   * @param now milliseconds
   * @param columns of the terminal
   * @returns one line with the most important, and further ones; the last ones may be long
   */
  lines(progress: ExportProgress, now: number, columns = 80): string[] {
    const { files, bytes, phase, paused, pending, trouble, standsStillSince } = progress;
    if (files !== undefined) this.#pace.add({ time: now, files: files.done, bytes });
    const letters = columns < NARROW ? SHORT_BAR : BAR;
    const main = [phase.padEnd(12), files === undefined ? waiting(progress, now) : downloads(progress, files, letters)];
    const still =
      standsStillSince === undefined
        ? ''
        : `, nothing has come for ${readableTime((now - Date.parse(standsStillSince)) / 1000)}`;
    const lines = [
      main.join(' ').trimEnd(),
      ...this.#paceLine(progress),
      ...serversWords(progress),
      ...(paused === undefined ? [] : [`paused: ${paused.what}, since ${paused.since}`]),
      ...attachments(progress, letters),
      ...(pending === undefined ? [] : [`not done yet: ${pending}`]),
      ...(trouble === undefined
        ? []
        : [`${phase === 'needs-attention' ? 'missing' : `retrying${still}`}: ${tidy(trouble, QUOTE)}`]),
      ...(phase === 'needs-attention' ? [`${INDENT}${DECISIONS}`] : []),
    ];
    return columns < NARROW ? lines.map((line) => line.replace(INDENT, '  ')) : lines;
  }

  /** On a line of its own, so that both lines fit into eighty columns. */
  #paceLine({ phase, files, bytes, knownBytes, concurrency }: ExportProgress): string[] {
    if (files === undefined || phase !== 'downloading') return [];
    const pace = this.#pace.get();
    const left = pace === undefined ? undefined : secondsLeft({ ...files, bytes, knownBytes }, pace);
    const parts = [
      ...(pace !== undefined && pace.bytes > 0 ? [`${readableBytes(pace.bytes)}/s`] : []),
      ...(left === undefined ? [] : [`about ${readableTime(left)} left`]),
      ...(concurrency === undefined || concurrency === MOST_CONCURRENT ? [] : [atMost(concurrency)]),
    ];
    return parts.length === 0 ? [] : [`${INDENT}${parts.join(' · ')}`];
  }
}

function downloads(
  { bytes }: ExportProgress,
  { done, total, failed }: NonNullable<ExportProgress['files']>,
  letters: number,
): string {
  const parts = [
    `${bar(done, total, letters)} ${done.toLocaleString('en')}/${count(total, 'file')}`,
    readableBytes(bytes),
    ...(failed > 0 ? [`${failed.toLocaleString('en')} failed`] : []),
  ];
  return parts.join(' · ');
}

function waiting({ queue, polls, nextPollAt }: ExportProgress, now: number): string {
  const parts = [
    ...(queue === undefined ? [] : [`other exports come first: place ${queue.place} of ${queue.waiting}`]),
    ...(nextPollAt === undefined ? [] : [nextPoll(Date.parse(nextPollAt) - now)]),
    ...(polls === 0 ? [] : [`${count(polls, 'poll')} so far`]),
  ];
  return parts.join(' · ');
}

/** On a line of its own: a server may have many words. */
function serversWords({ files, serverProgress }: ExportProgress): string[] {
  if (files !== undefined || serverProgress === undefined) return [];
  return [`${INDENT}the server says: ${tidy(serverProgress, QUOTE)}`];
}

function nextPoll(milliseconds: number): string {
  return milliseconds < 500 ? 'next poll now' : `next poll in ${readableTime(milliseconds / 1000)}`;
}

function attachments({ attachments: found }: ExportProgress, letters: number): string[] {
  if (found === undefined) return [];
  const failed = found.failed === 0 ? '' : ` · ${found.failed.toLocaleString('en')} failed`;
  return [
    `attachments  ${bar(found.done, found.total, letters)} ${found.done.toLocaleString('en')}/${found.total.toLocaleString('en')}${failed}`,
  ];
}

function bar(done: number, total: number, letters: number): string {
  const full = total === 0 ? letters : Math.floor((done / total) * letters);
  return '█'.repeat(full) + '░'.repeat(letters - full);
}
