import type { ExportRequest } from '../../contract.ts';
import type { Temporal } from '../temporal.ts';
import { knownSchedule } from './known.ts';
import type { KnownMark } from './mark.ts';
import { markOf } from './mark.ts';
import type { ScheduledRun } from './runs.ts';
import { runOf } from './runs.ts';
import { wordsOfSpec } from './words.ts';

/** What is known of one schedule; times are ISO 8601 in UTC. */
export interface ScheduleDetails extends KnownMark {
  scheduleId: string;
  /** In words. */
  when: string;
  paused: boolean;
  note?: string;
  request: ExportRequest;
  taskQueue: string;
  next: string[];
  /** Slots in which nothing was started, because an export ran, or Temporal was away for longer than an hour. */
  skipped: number;
  missed: number;
  /** The latest first. */
  runs: ScheduledRun[];
}

/** @throws Error as {@link knownSchedule} */
export async function scheduleDetails(temporal: Temporal, scheduleId: string): Promise<ScheduleDetails> {
  const { client } = temporal;
  const schedule = await knownSchedule(temporal, scheduleId);
  const { spec, state, request, action, info } = schedule;
  const runs = (await Promise.all(info.recentActions.map((one) => runOf(client, one)))).reverse();
  return {
    scheduleId,
    when: wordsOfSpec(spec),
    paused: state.paused,
    ...(state.note === undefined || state.note === '' ? {} : { note: state.note }),
    request,
    taskQueue: action.taskQueue,
    next: info.nextActionTimes.map((time) => time.toISOString()),
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
    ...(await markOf(client, schedule, runs)),
    runs,
  };
}
