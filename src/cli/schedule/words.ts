import type { CalendarSpecDescription, ScheduleSpecDescription } from '@temporalio/client';
import { readableTime } from '../view/readable.ts';

/** Times of a day up to which they are told one by one. */
const FEW = 4;
/** Days of the week, in Temporal's order. */
const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'];
const MONTHS = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
];

/** When a schedule starts exports, in words: `every day at 02:00 (Europe/Berlin)`. */
export function wordsOfSpec(spec: ScheduleSpecDescription): string {
  const { calendars = [], intervals = [], skip = [], jitter = 0, startAt, endAt, timezone } = spec;
  const zone = calendars.length === 0 ? '' : ` (${timezone || 'UTC'})`;
  const rules = [
    ...calendars.map(wordsOfCalendar),
    ...intervals.map(({ every, offset }) => {
      // Absent, whatever its type says, where it is zero.
      const after = offset > 0 ? `, ${readableTime(offset / 1000)} later than counted from 1970, in UTC` : '';
      return `every ${readableTime(every / 1000)}${after}`;
    }),
  ];
  const more = [
    ...(jitter < 1000 ? [] : [`up to ${readableTime(jitter / 1000)} later`]),
    ...skip.map((one) => `but not ${wordsOfCalendar(one)}`),
    ...(startAt === undefined ? [] : [`from ${startAt.toISOString()} on`]),
    ...(endAt === undefined ? [] : [`until ${endAt.toISOString()}`]),
  ];
  const when = rules.length === 0 ? 'never by itself' : `${rules.join('; ')}${zone}`;
  return [when, ...more].join(', ');
}

function wordsOfCalendar(calendar: CalendarSpecDescription): string {
  return `${daysOf(calendar)} ${timesOf(calendar)}`;
}

function daysOf({ dayOfMonth, month, year, dayOfWeek }: CalendarSpecDescription): string {
  const days = valuesOf(dayOfMonth, (day) => day);
  const weekdays = valuesOf(dayOfWeek, (day) => DAYS.indexOf(day));
  const months = valuesOf(month, (name) => MONTHS.indexOf(name));
  const years = valuesOf(year, (number) => number);
  const parts = [
    ...(weekdays.length === DAYS.length ? [] : [listOf(weekdays, (day) => capital(DAYS[day]))]),
    ...(days.length === 31 ? [] : [`day ${listOf(days)} of the month`]),
    ...(months.length === MONTHS.length ? [] : [`in ${listOf(months, (index) => capital(MONTHS[index]))}`]),
    ...(years.length === 0 ? [] : [`in ${listOf(years)}`]),
  ];
  return weekdays.length === DAYS.length && days.length === 31 ? ['every day', ...parts].join(' ') : parts.join(', ');
}

function timesOf({ hour, minute, second }: CalendarSpecDescription): string {
  const [hours, minutes, seconds] = [hour, minute, second].map((ranges) => valuesOf(ranges, (value) => value)) as [
    number[],
    number[],
    number[],
  ];
  const isExact = seconds.length === 1 && seconds[0] === 0;
  const exact = isExact ? '' : `, ${named('second', seconds)}`;
  if (isExact && hours.length * minutes.length <= FEW) {
    const times = hours.flatMap((h) => minutes.map((m) => `${twoDigits(h)}:${twoDigits(m)}`));
    return `at ${times.join(', ')}`;
  }
  const ofHours = hours.length === 24 ? 'each hour' : named('hour', hours);
  return `at ${named('minute', minutes)} of ${ofHours}${exact}`;
}

/** All values of ranges, in order. */
function valuesOf<T>(ranges: readonly { start: T; end: T; step: number }[], numberOf: (value: T) => number): number[] {
  const values = new Set<number>();
  for (const { start, end, step } of ranges) {
    for (let value = numberOf(start); value <= numberOf(end); value += step) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function named(noun: string, values: readonly number[]): string {
  return `${noun}${values.length === 1 ? '' : 's'} ${listOf(values)}`;
}

/** `1, 3` or `8–17`. */
function listOf(values: readonly number[], name: (value: number) => string = String): string {
  const [first = 0] = values;
  const last = values.at(-1) ?? first;
  const isRange = values.length > 2 && last - first === values.length - 1;
  return isRange ? `${name(first)}–${name(last)}` : values.map(name).join(', ');
}

function capital(name = ''): string {
  return name.slice(0, 1) + name.slice(1).toLowerCase();
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
