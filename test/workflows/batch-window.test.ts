import { expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import { BatchWindow } from '../../src/workflows/batch-window.ts';

const { patched } = vi.hoisted(() => ({ patched: vi.fn(() => true) }));
vi.mock('@temporalio/workflow', () => ({ patched }));

const NOW = 1_800_000_000_000;

function windowOf(size: number, widest = 16) {
  const state = { window: size, holdUntil: 0, busyTimes: 0 };
  return { state, window: new BatchWindow(state, widest, LIMITS) };
}

test('it widens with every batch that went through, up to its limit', () => {
  const { window } = windowOf(14);
  const sizes = [1, 2, 3].map(() => (window.widen(), window.free(0)));
  expect(sizes).toEqual([15, 16, 16]);
  expect(window.free(20)).toBe(-4);
});

test('a busy server halves it, to one at least, and holds all batches for the time that was asked', () => {
  const { window } = windowOf(5);
  window.narrow(3000, NOW);
  expect([window.free(0), window.heldUntil]).toEqual([2, NOW + 3000]);
  window.narrow(1000, NOW);
  expect([window.free(0), window.heldUntil]).toEqual([1, NOW + 3000]);
  window.narrow(1000, NOW);
  expect(window.free(0)).toBe(1);
});

test('a server that names no time is asked later and later, until a batch goes through', () => {
  const { window, state } = windowOf(16);
  for (let times = 0; times < 6; times++) window.narrow(undefined, NOW);
  expect(window.heldUntil - NOW).toBeGreaterThanOrEqual(LIMITS.backoffFloor * 2 ** 4);
  window.widen();
  expect(state.busyTimes).toBe(0);
});

test('a hold is bounded, and then one batch asks; in 0.1.0 it was not', () => {
  const asked = LIMITS.hold * 4;
  const { window } = windowOf(16);
  window.narrow(asked, NOW);
  expect([window.free(0), window.heldUntil]).toEqual([1, NOW + LIMITS.hold]);
  patched.mockReturnValue(false);
  const old = windowOf(16).window;
  old.narrow(asked, NOW);
  expect([old.free(0), old.heldUntil]).toEqual([8, NOW + asked]);
});

test('a hold is never made shorter, and an operator ends it', () => {
  const { window } = windowOf(16);
  window.hold(NOW + 5);
  window.hold(NOW + 3);
  expect(window.heldUntil).toBe(NOW + 5);
  window.release();
  expect(window.heldUntil).toBe(0);
});

test('its share of what all exports may download is never exceeded, however wide the window is', () => {
  let share = 3;
  const state = { window: 8, holdUntil: 0, busyTimes: 0 };
  const window = new BatchWindow(state, 16, LIMITS, () => share);
  expect([window.free(0), window.free(2), window.free(5)]).toEqual([3, 1, -2]);
  share = 0;
  expect(window.free(0)).toBe(0);
  share = Infinity;
  expect(window.free(0)).toBe(8);
});
