import { patched, rootCause, workflowInfo } from '@temporalio/workflow';
import type { AskGateInput } from '../activities/ask-gate.ts';
import type { ExportRequest } from '../contract.ts';
import { gateId } from '../gate-contract.ts';
import { standingOf } from '../policy/gate/standing.ts';
import type { Limits } from '../policy/limits.ts';
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
const SILENCE = 'the gate of the server has not answered since';

/** A run whose export waits for what its gate says. */
interface Waiting {
  readonly request: Pick<ExportRequest, 'server'>;
  readonly state: ExportState;
  readonly limits: Pick<Limits, 'gateAsk'>;
  show(): void;
}

/** Notes for people why the gate could not be asked. */
export function noteTrouble(run: Waiting, error: unknown): void {
  note(run, `${TROUBLE}: ${rootCause(error) ?? 'no reason is known'}`);
}

/**
 * Notes that the gate could be asked. That it works is known only when it answers: a message is also taken for a workflow
 * whose tasks fail. Who has asked for a slot a second time, or for another one, says so, because nobody else does.
 */
export function noteAsked(run: Waiting): void {
  const { gate } = run.state;
  if (gate === undefined) return;
  const isAsked = gate.isNew === true || gate.unheardSince !== undefined;
  const isUnheard = isAsked && gate.slot === 'wanted';
  if (isUnheard) gate.unheardSince ??= gate.askedAt;
  const since = isUnheard ? gate.unheardSince : undefined;
  if (since === undefined || Date.now() - since < run.limits.gateAsk) return note(run, undefined);
  const id = gateId(run.request.server, workflowInfo().taskQueue);
  note(run, `${SILENCE} ${new Date(since).toISOString()}: look at the workflow ${id}`);
}

/** Notes that a gate has answered what the export wants. */
export function noteHeard(run: Waiting): void {
  const { gate } = run.state;
  delete gate?.isNew;
  delete gate?.unheardSince;
  if (gate?.trouble?.startsWith(SILENCE) === true) note(run, undefined);
}

function note(run: Waiting, trouble: string | undefined): void {
  const { gate, job } = run.state;
  if (gate === undefined) return;
  const before = gate.trouble;
  gate.trouble = trouble;
  // Runs of earlier versions noted it here, and in other words.
  const isNoted = job.poll.detail?.startsWith(TROUBLE) === true;
  if (isNoted) delete job.poll.detail;
  if (isNoted || trouble !== before) run.show();
}
