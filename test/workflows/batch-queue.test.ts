import { expect, test, vi } from 'vitest';
import type { TroubleCause } from '../../src/policy/trouble.ts';
import type { QueueState } from '../../src/workflows/batch-queue.ts';
import { BatchQueue } from '../../src/workflows/batch-queue.ts';

const { patched } = vi.hoisted(() => ({ patched: vi.fn(() => true) }));
vi.mock('@temporalio/workflow', () => ({ patched }));

const NOW = 1_800_000_000_000;
const STAMP = { reading: 2, wokenAt: undefined };

function queueOf(fields: Partial<QueueState> = {}, end = 10): { queue: BatchQueue; state: QueueState } {
  const state: QueueState = { cursor: end, planned: [], retries: [], ...fields };
  return { queue: new BatchQueue(state, () => end), state };
}

function retry(ordinal: number, notBefore = NOW, cause: TroubleCause = 'content', age?: number) {
  return { ordinal, trouble: { cause, since: NOW, times: 1 }, notBefore, age };
}

const ordinals = (state: QueueState): number[] => state.retries.map(({ ordinal }) => ordinal);

test('planned batches come one by one, in their order', () => {
  const { queue } = queueOf();
  queue.addPlan([[0, 3], [3, 4]], 4); // prettier-ignore
  expect(queue.next(5, STAMP, NOW)).toEqual({ ranges: [[0, 3]], troubles: new Map(), ages: new Map(), ...STAMP });
  expect(queue.next(5, STAMP, NOW)?.ranges).toEqual([[3, 4]]);
  expect(queue.next(5, STAMP, NOW)).toBeUndefined();
});

test('files to be fetched again come before planned ones, when they are due, with their trouble and the age of their link', () => {
  const { queue, state } = queueOf({
    planned: [[0, 1]],
    retries: [retry(7), retry(8, NOW + 1), retry(6, NOW, 'link', 5)],
  });
  const batch = queue.next(1, STAMP, NOW);
  expect(batch?.ranges).toEqual([[6, 8]]);
  expect(new Set(batch?.troubles.keys())).toEqual(new Set([6, 7]));
  expect(batch?.ages).toEqual(new Map([[6, 5]]));
  expect(ordinals(state)).toEqual([8]);
  expect(queue.next(1, STAMP, NOW)?.ranges).toEqual([[0, 1]]);
});

test('files that are due are spread over the batches that may be started; those with fresh links are first', () => {
  const { queue, state } = queueOf({ retries: [retry(1), retry(2), retry(3), retry(4, NOW, 'link')] });
  expect(queue.next(2, STAMP, NOW)?.ranges).toEqual([[1, 2], [4, 5]]); // prettier-ignore
  expect(ordinals(state)).toEqual([2, 3]);
});

test.each([0, -1, -5])('a window that became smaller meanwhile (%i) gives no batch without files', (free) => {
  const { queue } = queueOf({ retries: [retry(1), retry(2), retry(3)] });
  expect(queue.next(free, STAMP, NOW)?.ranges).toEqual([[1, 4]]);
});

test('a batch that was not fetched is put back as it was', () => {
  const { queue, state } = queueOf({ planned: [[0, 2], [2, 3]], retries: [retry(7, NOW, 'link', 5)] }); // prettier-ignore
  const before = structuredClone(state);
  const again = queue.next(1, STAMP, NOW);
  const planned = queue.next(1, STAMP, NOW);
  if (planned !== undefined) queue.putBack(planned);
  if (again !== undefined) queue.putBack(again);
  expect(state).toEqual({ ...before, retries: [{ ...before.retries[0], notBefore: 0 }] });
});

test('it says when the next batch is due', () => {
  expect(queueOf({ retries: [retry(1, NOW + 9), retry(2, NOW + 5)] }).queue.nextDue(0)).toBe(NOW + 5);
  expect(queueOf({ retries: [retry(1, NOW + 5)] }).queue.nextDue(NOW + 7)).toBe(NOW + 7);
  expect(queueOf({ planned: [[0, 1]], retries: [retry(1, NOW + 5)] }).queue.nextDue(NOW + 1)).toBe(NOW + 1);
  expect(queueOf().queue.nextDue(0)).toBeUndefined();
});

test('files that wait leave it empty until their time only', () => {
  const { queue } = queueOf({ retries: [retry(1, NOW + 5)] });
  expect([queue.isEmptyUntil(NOW), queue.isEmptyUntil(NOW + 5), queue.isEmptyUntil(Infinity)]).toEqual([
    true,
    false,
    false,
  ]);
  expect([queueOf().queue.isEmptyUntil(Infinity), queueOf({ cursor: 9 }).queue.isEmptyUntil(0)]).toEqual([true, false]);
  expect([queue.hasMore, queueOf().queue.hasMore]).toEqual([true, false]);
});

test('an operator makes all of them due', () => {
  const { queue } = queueOf({ retries: [retry(1, NOW + 5), retry(2, NOW + 500)] });
  queue.wake();
  expect(queue.next(1, STAMP, NOW)?.ranges).toEqual([[1, 3]]);
});

test('planning waits until what is planned has been started', () => {
  expect(queueOf({ cursor: 9, planned: [[0, 1]] }).queue.isToBePlanned).toBe(false);
  expect(queueOf({ cursor: 9 }).queue.isToBePlanned).toBe(true);
  expect(queueOf({ cursor: 10 }).queue.isToBePlanned).toBe(false);
});

test('many files that wait stopped all others in 0.1.0 only', () => {
  const retries = Array.from({ length: 300 }, (_, ordinal) => retry(ordinal, NOW + 5));
  const { queue } = queueOf({ cursor: 5, planned: [[0, 1]], retries });
  patched.mockReturnValue(false);
  expect(queue.next(1, STAMP, NOW)).toBeUndefined();
  expect([queue.isToBePlanned, queue.nextDue(0)]).toEqual([false, NOW + 5]);
  patched.mockReturnValue(true);
  expect(queue.next(1, STAMP, NOW)?.ranges).toEqual([[0, 1]]);
});

test('files whose links were refused are left while there are no fresh ones', () => {
  const refused = [retry(1, NOW, 'link'), retry(2, NOW, 'outage', 5)];
  const { queue, state } = queueOf({ planned: [[5, 6]], retries: [...refused, retry(3), retry(4, NOW + 9)] });
  expect([queue.nextDue(0, false), queueOf({ retries: refused }).queue.nextDue(0, false)]).toEqual([0, undefined]);
  expect(queue.next(1, STAMP, NOW, false)?.ranges).toEqual([[3, 4]]);
  expect(queue.next(1, STAMP, NOW, false)?.ranges).toEqual([[5, 6]]);
  expect(queue.next(1, STAMP, NOW, false)).toBeUndefined();
  expect(ordinals(state)).toEqual([1, 2, 4]);
  expect(queue.next(1, STAMP, NOW)?.ranges).toEqual([[1, 3]]);
});

test('files that would wait past a time are due at once', () => {
  const { queue } = queueOf({ retries: [retry(1, NOW + 5), retry(2, NOW + 6), retry(3, NOW + 7)] });
  expect([queue.waitsUntil(NOW + 7), queue.waitsUntil(NOW + 8)]).toEqual([true, false]);
  queue.wakeBehind(NOW + 6);
  expect(queue.next(1, STAMP, NOW)?.ranges).toEqual([[2, 4]]);
});
