import { expect, test } from 'vitest';
import { standingOf } from '../../../src/policy/gate/standing.ts';

test('what was not given counts as by default, also when Temporal says zero', () => {
  const usual = { priority: 3, fairnessKey: '', weight: 1 };
  expect(standingOf(undefined)).toEqual(usual);
  expect(standingOf({ priorityKey: 0, fairnessKey: 'ward', fairnessWeight: 0 })).toEqual({
    ...usual,
    fairnessKey: 'ward',
  });
  expect(standingOf({ priorityKey: 1, fairnessKey: '', fairnessWeight: 0 })).toEqual({ ...usual, priority: 1 });
});
