import { BULK_EXPORT } from '../../contract.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import type { Temporal } from '../temporal.ts';
import { wordsOfSpec } from './words.ts';

/** One schedule in the list; times are ISO 8601 in UTC. */
export interface ScheduleRow {
  scheduleId: string;
  /** In words. */
  when: string;
  paused: boolean;
  note?: string;
  next?: string;
  lastStartedAt?: string;
}

/** All schedules of exports in the namespace, by their ids; a new one may be missing for a moment. */
export async function scheduleRows({ client }: Temporal): Promise<ScheduleRow[]> {
  const rows: ScheduleRow[] = [];
  for await (const { scheduleId, spec, action, state, info } of tolerant(client).schedule.list()) {
    if (action?.workflowType !== BULK_EXPORT) continue;
    const next = info.nextActionTimes[0];
    const last = info.recentActions.at(-1);
    rows.push({
      scheduleId,
      when: wordsOfSpec(spec ?? {}),
      paused: state.paused,
      ...(state.note === undefined || state.note === '' ? {} : { note: state.note }),
      ...(next === undefined ? {} : { next: next.toISOString() }),
      ...(last === undefined ? {} : { lastStartedAt: last.takenAt.toISOString() }),
    });
  }
  return rows.sort((a, b) => (a.scheduleId < b.scheduleId ? -1 : 1));
}
