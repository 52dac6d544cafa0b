import type { CancellationScope } from '@temporalio/workflow';
import { expect, test } from 'vitest';
import type { OpenedExport } from '../../src/activities/open-export.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { ExportRun } from '../../src/workflows/export-run.ts';
import { newState } from '../../src/workflows/state.ts';

test('an export that was opened by an older version has its recorded limits, and defaults for those that came later', () => {
  const { drain: _, ...older } = { ...LIMITS, outage: 1234 };
  const state = { ...newState(0), opened: { limits: older } as OpenedExport };
  const { limits } = new ExportRun({ server: 'hospital', level: 'system' }, state, {} as CancellationScope);
  expect(limits).toEqual({ ...LIMITS, outage: 1234 });
});
