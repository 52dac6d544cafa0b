import { patched, rootCause, workflowInfo } from '@temporalio/workflow';
import type { AskGateInput } from '../activities/ask-gate.ts';
import { standingOf } from '../policy/gate/standing.ts';
import type { ExportState, GateSeat } from './state.ts';
import { Steering } from './steering.ts';

/** All that an export tells its gate: how it stands, and what it may have in flight. */
export function askOf(
  seat: GateSeat,
  { uses, pressure, idle }: Pick<AskGateInput['ask'], 'uses' | 'idle'> & { pressure: boolean },
): AskGateInput['ask'] {
  const { workflowId, firstExecutionRunId: firstRunId, priority } = workflowInfo();
  const { turn, since, slot, downloading, share, heard, isNew, wantedFrom } = seat;
  return {
    workflowId,
    firstRunId,
    turn,
    since,
    slot,
    downloading,
    uses: downloading ? uses : 0,
    ...(downloading && share === undefined ? { knowsNoShare: true } : {}),
    heard,
    ...(idle === undefined ? {} : { idle }),
    ...(pressure ? { pressure } : {}),
    ...(isNew === undefined ? {} : { isNew }),
    ...(wantedFrom === undefined ? {} : { wantedFrom }),
    ...standingOf(priority),
  };
}

/** Whether the export waits for an operator, for those that look why a slot is not free. */
export function idleOf(state: ExportState): AskGateInput['ask']['idle'] {
  if (state.phase === 'needs-attention') return 'needs-attention';
  return new Steering(state).isHeld ? 'paused' : undefined;
}

/** Questions in a row, an hour in all, to which workers say that the server cannot be asked about. */
const MOST_FAULTS = 6;

/**
 * Whether it is no use to ask again after a fault of the configuration. One worker may have another one: what the export
 * has does not end by that, and a place in the queue only if it is so for long.
 */
export function isFinal(seat: GateSeat): boolean {
  if (seat.slot !== 'wanted') return !patched('gate-asked-after-faults');
  seat.faults = (seat.faults ?? 0) + 1;
  return seat.faults >= MOST_FAULTS || !patched('gate-asked-after-faults-in-queue');
}

const TROUBLE = 'the gate of the server could not be asked';

/** Notes for people why the gate could not be asked; or that it could, when there is no error. */
export function noteTrouble(run: { state: ExportState; show(): void }, error: unknown): void {
  const { gate, job } = run.state;
  if (gate === undefined) return;
  const before = gate.trouble;
  if (error === undefined) delete gate.trouble;
  else gate.trouble = `${TROUBLE}: ${rootCause(error) ?? 'no reason is known'}`;
  // Runs of earlier versions noted it here, and in other words.
  const isNoted = job.poll.detail?.startsWith(TROUBLE) === true;
  if (isNoted) delete job.poll.detail;
  if (isNoted || gate.trouble !== before) run.show();
}
