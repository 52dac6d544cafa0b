import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { expect, test, vi } from 'vitest';
import { outcomeOf } from '../../src/workflows/audit-phase.ts';
import { countFailure, metrics } from '../../src/workflows/metrics.ts';

// The metric can be joined with the search attribute, the log and the audit trail.
test.each([
  [ApplicationFailure.nonRetryable('no', 'Failed'), 'failed'],
  [ApplicationFailure.nonRetryable('no', 'CodecError'), 'failed'],
  [new ActivityFailure('no', 'step', '1', 'NON_RETRYABLE_FAILURE', undefined), 'failed'],
  [ApplicationFailure.nonRetryable('no', 'ExportGone'), 'ExportGone'],
])('%s has one word in the metric and everywhere else: %s', (error, outcome) => {
  const count = vi.spyOn(metrics, 'count').mockReturnValue();
  countFailure(undefined, error);
  expect(count).toHaveBeenCalledExactlyOnceWith('exports_ended_total', { server: 'unknown', outcome });
  count.mockRestore();
  expect(outcomeOf(error, false, false)).toBe(outcome);
});
