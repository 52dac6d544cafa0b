import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OldestJobs } from '../../src/telemetry/oldest-jobs.ts';

const MINUTE = 60_000;
const told: [string, number | undefined][] = [];
beforeEach(() => {
  told.length = 0;
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => vi.useRealTimers());

test('the oldest job of each server counts until a poll finds it over', () => {
  const jobs = new OldestJobs((...one) => void told.push(one));
  jobs.inProgress('a', '1', 200);
  jobs.inProgress('a', '2', 100);
  jobs.inProgress('b', '3', 50);
  jobs.over('a', '2');
  jobs.over('a', '2');
  jobs.over('b', 'never seen');
  jobs.over('a', '1');
  expect(told).toEqual([
    ['a', 200],
    ['a', 100],
    ['b', 50],
    ['a', 200],
    ['a', undefined],
  ]);
});

test('a job whose next poll another worker has made is forgotten, not one for which the server has named a late time', () => {
  const jobs = new OldestJobs((...one) => void told.push(one));
  jobs.inProgress('a', 'elsewhere', 1);
  jobs.inProgress('a', 'later', 2, 300 * MINUTE);
  vi.advanceTimersByTime(15 * MINUTE);
  expect(told.at(-1)).toEqual(['a', 1]);
  vi.advanceTimersByTime(30 * MINUTE);
  expect(told.at(-1)).toEqual(['a', 2]);
  vi.advanceTimersByTime(250 * MINUTE);
  expect(told.at(-1)).toEqual(['a', 2]);
  vi.advanceTimersByTime(60 * MINUTE);
  expect(told.at(-1)).toEqual(['a', undefined]);
  expect(vi.getTimerCount()).toBe(0);
  jobs.inProgress('a', 'again', 3);
  vi.advanceTimersByTime(60 * MINUTE);
  expect(told.slice(-2)).toEqual([
    ['a', 3],
    ['a', undefined],
  ]);
});
