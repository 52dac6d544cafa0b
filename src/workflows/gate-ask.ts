import { rootCause, workflowInfo } from '@temporalio/workflow';
import type { AskGateInput } from '../activities/ask-gate.ts';
import { standingOf } from '../policy/gate/standing.ts';
import type { GateSeat } from './state.ts';

/** All that an export tells its gate: how it stands, and what it may have in flight. */
export function askOf(seat: GateSeat, { uses, pressure }: { uses: number; pressure: boolean }): AskGateInput['ask'] {
  const { workflowId, firstExecutionRunId: firstRunId, priority } = workflowInfo();
  const { turn, since, slot, downloading, heard, wantedFrom } = seat;
  return {
    workflowId,
    firstRunId,
    turn,
    since,
    slot,
    downloading,
    uses: downloading ? uses : 0,
    heard,
    ...(pressure ? { pressure } : {}),
    ...(wantedFrom === undefined ? {} : { wantedFrom }),
    ...standingOf(priority),
  };
}

const TROUBLE = 'the gate of the server could not be asked for a slot: ';

/** For people: why a gate could not be asked. */
export function gateTrouble(error: unknown): string {
  return `${TROUBLE}${rootCause(error) ?? String(error)}`;
}

/** Whether that is what it says. */
export function isGateTrouble(detail: string | undefined): boolean {
  return detail?.startsWith(TROUBLE) === true;
}
