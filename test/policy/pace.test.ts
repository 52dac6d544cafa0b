import { expect, test } from 'vitest';
import { Pace, secondsLeft } from '../../src/policy/pace.ts';

const WINDOW = 60_000;
const steady = (time: number) => ({ time, files: time / 10, bytes: 5 * time });

test('is that of the window, however often it is asked', () => {
  const pace = new Pace(WINDOW);
  pace.add(steady(0));
  expect(pace.get()).toBeUndefined();
  for (let time = 10; time <= 300_000; time += 10) pace.add(steady(time));
  expect(pace.get()).toEqual({ files: 100, bytes: 5000 });
  // Nothing has come for half a window.
  pace.add({ ...steady(300_000), time: 330_000 });
  expect(Math.round((pace.get()?.files ?? 0) / 10)).toBe(5);
});

test('begins anew when fewer files are done: another job', () => {
  const pace = new Pace(WINDOW);
  pace.add(steady(0));
  pace.add(steady(30_000));
  pace.add({ time: 31_000, files: 1, bytes: 1 });
  expect(pace.get()).toBeUndefined();
});

test('what is left goes by bytes: by those of the manifest, or by the mean of the files that are there', () => {
  const progress = { total: 10, done: 8, failed: 0, bytes: 8_000 };
  // The last files are small ones of many, and two big ones are to come.
  const pace = { files: 4, bytes: 400 };
  expect(secondsLeft({ ...progress, knownBytes: 208_000 }, pace)).toBe(500);
  expect(secondsLeft(progress, pace)).toBe(5);
  expect(secondsLeft({ ...progress, failed: 1, knownBytes: 208_000 }, pace)).toBe(2.5);
  // Sizes in a manifest are hints.
  expect(secondsLeft({ ...progress, knownBytes: 7_000 }, pace)).toBe(5);
  expect(secondsLeft({ ...progress, bytes: 0 }, { files: 4, bytes: 0 })).toBe(0.5);
  expect(secondsLeft(progress, { files: 0, bytes: 0 })).toBeUndefined();
  expect(secondsLeft({ ...progress, done: 10 }, pace)).toBeUndefined();
});
