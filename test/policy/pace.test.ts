import { expect, test } from 'vitest';
import { Pace } from '../../src/policy/pace.ts';

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
