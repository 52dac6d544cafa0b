import { log } from '@temporalio/workflow';
import type { GateState, GateTimes } from '../../policy/gate/gate-state.ts';
import { beginSearch, endSearch } from '../../policy/gate/search.ts';
import { boundedStep } from '../activity-options.ts';
import type { Note } from './open-gate.ts';

/** Looks for exports that have not been heard; those that do not run any more leave. */
export async function sweep(state: GateState, times: GateTimes, note: Note): Promise<void> {
  const exports = beginSearch(state, Date.now(), times);
  if (exports.length === 0) return;
  try {
    const { gone } = await boundedStep(`look for ${exports.length} exports`, times.gateSweep).findGoneExports({
      exports,
    });
    note(() => endSearch(state, exports, gone, Date.now()));
  } catch (error) {
    log.warn('exports could not be looked for; slots of terminated ones are not free yet', { error });
  }
}
