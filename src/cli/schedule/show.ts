import type { ExportRequest } from '../../contract.ts';
import { summaryOf } from '../../client/summary-of.ts';
import { table } from '../view/report-lines.ts';
import type { ScheduleDetails } from './details.ts';
import type { ScheduleRow } from './rows.ts';
import type { ScheduledRun } from './runs.ts';

/** Next times that are shown to people. */
const NEXT = 3;

/** Schedules for people. */
export function describeScheduleRows(rows: readonly ScheduleRow[]): string[] {
  if (rows.length === 0) return ['No schedules of exports.'];
  const cells = rows.map(({ scheduleId, when, paused, next, lastStartedAt }) => [
    scheduleId,
    when,
    paused ? 'paused' : readable(next),
    readable(lastStartedAt),
  ]);
  return table(['schedule', 'when', 'next (UTC)', 'last started (UTC)'], cells, 4);
}

/** A schedule for people. */
export function describeSchedule(details: ScheduleDetails): string[] {
  const { scheduleId, when, paused, note, request, taskQueue, next, skipped, missed, runs } = details;
  const facts = [
    ['exports', `${summaryOf(request)}, ${extentOf(request)}`],
    ['request', JSON.stringify(request)],
    ['task queue', taskQueue],
    ...(paused ? [['paused', note ?? 'yes']] : note === undefined ? [] : [['note', note]]),
    ['next', next.length === 0 ? 'never' : `${next.slice(0, NEXT).map(readable).join(', ')} (UTC)`],
    ['mark', markOf(details)],
    ...(skipped === 0 ? [] : [['skipped', `${skipped}, because an export ran`]]),
    ...(missed === 0 ? [] : [['missed', `${missed}, because Temporal was away; the next export brings the rest`]]),
  ].map(([name = '', text = '']) => `  ${name.padEnd(12)}${text}`);
  return [`${scheduleId}: ${when}`, ...facts, '', ...runLines(runs)];
}

/** A schedule that is gone: its request, and whether another one can go on from its mark. */
export function describeDeleted({ scheduleId, request, ...known }: Deleted): string[] {
  return [
    `${scheduleId} was deleted. Its request was:`,
    `  ${JSON.stringify(request)}`,
    ...(request.incremental === undefined ? [] : goOn(known, request.incremental.initialSince)),
  ];
}

type Deleted = Pick<ScheduleDetails, 'scheduleId' | 'request' | 'mark' | 'markUnknown' | 'changedSince'>;

function goOn({ mark, markUnknown, changedSince }: Omit<Deleted, 'scheduleId' | 'request'>, first?: string): string[] {
  if (markUnknown === true) {
    return ['Its mark is not known here, and is gone with it: without --since, a new schedule brings all data.'];
  }
  if (mark === null) return ['It had no mark, and all data was to come: leave --since out of a new schedule.'];
  if (mark === undefined) return [];
  return [
    changedSince === true
      ? `Its mark, ${mark}, is of an export that began before its last change. Give it to a new schedule, as --since, only ` +
        'if that export asked for the same data. Otherwise leave --since out: all data is to come.'
      : `To go on from its mark, create a schedule of the same request with --incremental --since ${mark}`,
    ...(first === undefined ? [] : [`At a server with sinceByDefault, give --since ${first} again, never the mark.`]),
  ];
}

function extentOf({ incremental, parameters }: ExportRequest): string {
  if (incremental?.newMembers !== undefined) return 'what has changed (incremental), and all data of new members';
  if (incremental !== undefined) return 'what has changed (incremental)';
  const since = parameters?.['_since'];
  return since === undefined ? 'all data each time' : `what has changed since ${since}`;
}

function markOf({ request, mark, markUnknown, lastComplete, changedSince }: ScheduleDetails): string {
  const { incremental } = request;
  if (incremental === undefined) return 'none: the schedule is not incremental';
  if (markUnknown === true) {
    return (
      'not known here: the report of the last complete export, if there was one, is gone or cannot be read. The next ' +
      'export goes on from it'
    );
  }
  const first = incremental.initialSince;
  if (mark === undefined) {
    const from = first === undefined ? 'all data' : `what has changed since ${first}`;
    return `none yet: no report of a complete export is there; the first one brings ${from}`;
  }
  const what =
    mark === null ? 'none: the next export brings all data' : `${mark}: the next export brings what has changed since`;
  const changed =
    changedSince === true ? '; the schedule was changed afterwards, and begins anew if it asks for other data' : '';
  return `${what} (by ${lastComplete?.workflowId}${changed})`;
}

function runLines(runs: readonly ScheduledRun[]): string[] {
  if (runs.length === 0) return ['  No export yet.'];
  const cells = runs.map(({ workflowId, status, outcome, startedAt, since, transactionTime }) => [
    workflowId,
    outcome ?? status,
    readable(startedAt),
    since ?? (transactionTime === undefined ? '' : 'all data'),
    transactionTime ?? '',
  ]);
  return table(['export', 'outcome', 'started (UTC)', 'since', 'transaction time'], cells, 5);
}

function readable(time: string | undefined): string {
  return (time ?? '').slice(0, 19).replace('T', ' ');
}
