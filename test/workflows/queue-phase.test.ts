import { expect, test } from 'vitest';
import type { ExportRun } from '../../src/workflows/export-run.ts';
import { queuePhase } from '../../src/workflows/queue-phase.ts';
import { noteRefusal } from '../../src/workflows/refused-kick-off.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { newState } from '../../src/workflows/state.ts';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

/** A run that goes on after one that waited for a slot, two hours after its kick-off failed for one. */
function runAfterQueue(): ExportRun {
  const state = newState(NOW - 3 * HOUR);
  Object.assign(state.job.poll, { trouble: { cause: 'outage', since: NOW - 3 * HOUR, times: 9 }, lasted: HOUR });
  const { job } = state;
  return { state, job, limits: LIMITS, steering: { clock: NOW }, slots: {}, enter: () => {} } as unknown as ExportRun;
}

test('the time in the queue is left out when the slot comes with the first task of another run', async () => {
  const run = runAfterQueue();
  await queuePhase(run);
  expect(run.job.poll).toMatchObject({ trouble: { since: NOW - HOUR } });
  expect(run.job.poll.lasted).toBeUndefined();
});

test('a trouble that is over leaves nothing to the next one', () => {
  const run = runAfterQueue();
  noteRefusal(run, { detail: 'HTTP 429' });
  expect([run.job.poll.trouble, run.job.poll.lasted]).toEqual([undefined, undefined]);
});
