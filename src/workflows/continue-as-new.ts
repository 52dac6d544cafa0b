import {
  CancelledFailure,
  allHandlersFinished,
  condition,
  makeContinueAsNewFunc,
  workflowInfo,
} from '@temporalio/workflow';
import type { ExportRequest } from '../contract.ts';
import type { CarriedState } from './carried-state.ts';
import { pack } from './carried-state.ts';
import type { ExportState } from './state.ts';

/** What the next run needs of this one. */
export interface Continued {
  readonly request: ExportRequest;
  readonly state: ExportState;
  /** The export is to stop. */
  readonly stopped: boolean;
  /** The next run is about to begin. */
  leaves: boolean;
}

/** What else ends a wait. */
export interface WaitBounds {
  /** Leaves an operator's request for the next wait. Default: nothing. */
  unless?: () => boolean;
  /** Milliseconds since the epoch: when a pause ends the wait no more. Default: when an operator ends the pause. */
  heldUntil?: number | undefined;
}

/** Whether the history is so long that the export should continue in a new run. The server decides. */
export function isLong(): boolean {
  return workflowInfo().continueAsNewSuggested;
}

/** Continues in a new run when the history is long. To be called where nothing is in flight. */
export async function continueIfLong(run: Continued): Promise<void> {
  if (isLong()) await continueInNewRun(run);
}

/**
 * Waits until a time or an operator's request, in further runs when the history is long: what an export tells its gate, and
 * hears of it, makes events also while it waits.
 *
 * @returns whether an operator asked to go on
 */
export async function waitInRuns(
  run: Continued & { waitUntil(time: number, summary: string, bounds: WaitBounds): Promise<boolean> },
  time: number,
  summary: string,
  { unless = () => false, heldUntil }: WaitBounds = {},
): Promise<boolean> {
  const isFull = (): boolean => run.state.gate !== undefined && isLong();
  for (;;) {
    await continueIfLong(run);
    const isAsked = await run.waitUntil(time, summary, { unless: () => isFull() || unless(), heldUntil });
    if (!isFull()) return isAsked;
  }
}

/**
 * Continues in a new run, unless the export is to stop: a request to cancel is made to one run, and no other one hears
 * of it. One that comes while the server takes this run's end is handed to this run once more, and then stops it.
 */
export async function continueInNewRun(run: Continued): Promise<never> {
  run.leaves = true;
  // Nothing is waited for otherwise.
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  const { stopped, request, state } = run;
  if (stopped) throw new CancelledFailure('the export is to stop');
  const { memo = {}, runId, currentDeploymentVersion } = workflowInfo();
  // Temporal hands over search attributes, and of the memo only what it began with.
  const goOn = makeContinueAsNewFunc<(request: ExportRequest, carried: CarriedState) => Promise<unknown>>({
    memo,
    // Otherwise a long export would keep the workers of its first version for as long as it lasts.
    ...(currentDeploymentVersion?.deploymentName ? { initialVersioningBehavior: 'AUTO_UPGRADE' } : {}),
  });
  return goOn(request, pack(state, runId));
}
