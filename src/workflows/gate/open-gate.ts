import { log, workflowInfo } from '@temporalio/workflow';
import { unpack } from '../../policy/gate/carry.ts';
import type { GateInput } from '../../policy/gate/gate-input.ts';
import type { GateState, Member } from '../../policy/gate/gate-state.ts';
import { newGate } from '../../policy/gate/gate-state.ts';
import { boundedStep } from '../activity-options.ts';
import { failure } from '../failure.ts';

/** Changes the state of a gate, outside of its loop. */
export type Note = (change: () => void) => void;

/**
 * The state with which a run of a gate begins.
 *
 * @throws ApplicationFailure `InvalidRequest` when it was started by hand
 */
export function openGate(input: GateInput, parts: readonly Member[][], now: number): GateState {
  if (typeof input?.server !== 'string' || typeof input.times?.gateAsk !== 'number') {
    throw failure('InvalidRequest', 'exports start the gate of their server by themselves; nobody else has to');
  }
  const { carried, times } = input;
  if (carried !== undefined) return unpack(carried, parts);
  // Until all exports that run have asked again, with time to spare.
  return newGate(now, now + times.gateAsk + times.gateSweep);
}

/**
 * Finds out whether an earlier gate was terminated, or ended otherwise than by itself. Then exports may hold slots of which
 * this one does not know, and nothing is granted until they have asked again.
 */
export async function findCutOff(state: GateState, { server, times }: GateInput, note: Note): Promise<void> {
  try {
    const { cutOff } = await boundedStep('look for an earlier gate', times.gateAsk).findEarlierGate({
      server,
      runId: workflowInfo().runId,
    });
    if (!cutOff) note(() => (state.grantsFrom = 0));
  } catch (error) {
    log.warn('an earlier gate could not be looked for; nothing is granted until all exports have asked', { error });
  }
}
