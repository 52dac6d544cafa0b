import { log, workflowInfo } from '@temporalio/workflow';
import { unpack } from '../../policy/gate/carry.ts';
import type { GateInput } from '../../policy/gate/gate-input.ts';
import type { GateState, GateTimes, Member } from '../../policy/gate/gate-state.ts';
import { newGate, timeToHear } from '../../policy/gate/gate-state.ts';
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
  if (typeof input?.server !== 'string' || !areTimes(input.times)) {
    throw failure('InvalidRequest', 'exports start the gate of their server by themselves; nobody else has to');
  }
  const { carried, times } = input;
  if (carried !== undefined) return unpack(carried, parts);
  return newGate(now, now + timeToHear(times));
}

function areTimes(times: Partial<GateTimes> | undefined): boolean {
  const { gateAsk, gateSweep, gatePressure, gateQuiet, gateIdle } = times ?? {};
  return [gateAsk, gateSweep, gatePressure, gateQuiet, gateIdle].every((time) => Number.isFinite(time));
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
    if (!cutOff && state.isSecond !== true) note(() => (state.grantsFrom = 0));
  } catch (error) {
    log.warn('an earlier gate could not be looked for; nothing is granted until all exports have asked', { error });
  }
}
