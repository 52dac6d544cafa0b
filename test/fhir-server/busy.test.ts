import { expect, test } from 'vitest';
import { Busy } from '../../src/fhir-server/busy.ts';

const MINUTE = 60_000;
const YEAR = 365 * 24 * 60 * MINUTE;

test('all files wait as long as the server asked for, and then none', () => {
  const busy = new Busy(15 * MINUTE);
  expect(busy.wait(0)).toBe(0);
  busy.hold(1000, 5000);
  expect(busy.wait(2000)).toBe(4000);
  expect([busy.wait(6000), busy.wait(6000)]).toEqual([0, 0]);
});

test('after an absurd time one file asks, and the others wait for its answer', () => {
  const busy = new Busy(15 * MINUTE);
  busy.hold(0, YEAR);
  expect(busy.wait(1)).toBe(15 * MINUTE - 1);
  const later = 15 * MINUTE;
  expect(busy.wait(later)).toBe(0);
  expect(busy.wait(later)).toBe(MINUTE);
  // As before.
  busy.hold(later, YEAR);
  expect(busy.wait(later + 1)).toBe(15 * MINUTE - 1);
  expect([busy.wait(2 * later), busy.wait(2 * later)]).toEqual([0, MINUTE]);
  busy.clear();
  expect([busy.wait(2 * later), busy.wait(2 * later)]).toEqual([0, 0]);
});

test('one that asked first and never had an answer is followed by another', () => {
  const busy = new Busy(15 * MINUTE);
  busy.hold(0, YEAR);
  expect(busy.wait(15 * MINUTE)).toBe(0);
  expect([busy.wait(16 * MINUTE), busy.wait(16 * MINUTE)]).toEqual([0, MINUTE]);
});

test('a wish of an operator clears what was asked for before, once', () => {
  const busy = new Busy(15 * MINUTE);
  busy.hold(0, YEAR);
  expect(busy.wait(10, 5)).toBe(0);
  busy.hold(20, 5000, 5);
  expect(busy.wait(20, 5)).toBe(5000);
  expect(busy.wait(20, 4)).toBe(5000);
  expect(busy.wait(20, 6)).toBe(0);
});

test('a clock that is set back makes nobody wait for longer than the longest time', () => {
  const busy = new Busy(15 * MINUTE);
  busy.hold(YEAR, 5 * MINUTE);
  expect(busy.wait(0)).toBe(15 * MINUTE);
  expect(busy.wait(15 * MINUTE)).toBe(0);
});
