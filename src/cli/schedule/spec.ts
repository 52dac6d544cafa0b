import { isDeepStrictEqual } from 'node:util';
import type { ScheduleSpec, ScheduleSpecDescription } from '@temporalio/client';
import { parseDuration } from '../../fhir/duration.ts';
import { UsageError } from '../exit-codes.ts';

/** Options that say when exports are started. */
export interface SpecOptions {
  cron?: string[];
  every?: string;
  timeZone?: string;
}

const MILLISECONDS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * When exports are started, as Temporal takes it. The text of a cron expression goes with it as its comment: Temporal keeps
 * no other trace of it.
 *
 * @throws UsageError
 */
export function specOf({ cron = [], every, timeZone }: SpecOptions): ScheduleSpec {
  if ((cron.length === 0) === (every === undefined)) throw new UsageError('Give --cron or --every, and not both.');
  if (every !== undefined) {
    // Times between exports begin with the epoch, wherever that is.
    if (timeZone !== undefined) throw new UsageError('--time-zone is for --cron: --every counts from 1970, in UTC.');
    return { intervals: [{ every: everyOf(every) }] };
  }
  const texts = cron.map(cronOf);
  return {
    cronExpressions: texts.map((text) => `${text} # ${text}`),
    ...(timeZone === undefined ? {} : { timezone: timeZoneOf(timeZone) }),
  };
}

/** Whether a schedule starts exports when the options say, whatever else its times have. */
export function hasTimes(found: ScheduleSpecDescription, options: SpecOptions): boolean {
  const { cron = [], every } = options;
  return isDeepStrictEqual(
    {
      cron: found.calendars?.map(({ comment }) => comment) ?? [],
      // The offset is absent, whatever its type says, where it is zero.
      every: (found.intervals ?? []).map((one) => [one.every, one.offset ?? 0]),
      timeZone: cron.length === 0 ? 'any' : found.timezone || 'UTC',
    },
    {
      cron: cron.map(cronOf),
      every: every === undefined ? [] : [[everyOf(every), 0]],
      timeZone: cron.length === 0 ? 'any' : (options.timeZone ?? 'UTC'),
    },
  );
}

/**
 * Temporal looks closer; what is refused here would get another meaning by what is added to it. Or it has one already: of
 * more than five fields Temporal takes the last for the year, and only of seven the first for seconds.
 */
function cronOf(text: string): string {
  const fields = text.trim().split(/\s+/);
  const isPlain = fields.every((field) => /^[\w*,/?-]+$/.test(field)) && fields.length === 5;
  if (isPlain || /^@[a-z]+$/.test(text.trim())) return fields.join(' ');
  throw new UsageError(
    `--cron ${JSON.stringify(text)}: write five fields, such as '0 2 * * *' (minute, hour, day, month, day of the week)`,
  );
}

function everyOf(text: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const every =
    unit === undefined ? parseDuration(text) : Number(number) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  if (every !== undefined && every > 0) return every;
  throw new UsageError(`--every ${text}: write a time such as 30m, 6h, 1d or PT12H`);
}

function timeZoneOf(text: string): string {
  try {
    Intl.DateTimeFormat('en', { timeZone: text });
    return text;
  } catch {
    throw new UsageError(`--time-zone ${text}: no such time zone; write one such as Europe/Berlin`);
  }
}
