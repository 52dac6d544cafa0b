import type { GateState, GateTimes, Member } from './gate-state.ts';
import { isSame } from './gate-state.ts';
import type { ExportName } from './messages.ts';
import { leave } from './receive.ts';

/** Exports that are looked for at a time. */
const MOST_AT_ONCE = 200;

/**
 * Begins a search for exports that are over without a word, as terminated ones are.
 *
 * @returns those that have not been heard for a while, or whose workflow id has another export by now; the ones that hold
 *   a slot first
 */
export function beginSearch(state: GateState, now: number, { gateSweep }: GateTimes): ExportName[] {
  state.sweptAt = now;
  // With every search another export comes first when there are more exports than downloads.
  state.rotation++;
  const ids = new Map<string, number>();
  for (const { workflowId } of state.members) ids.set(workflowId, (ids.get(workflowId) ?? 0) + 1);
  const isDoubtful = ({ heardAt, workflowId }: Member): boolean =>
    now - heardAt >= gateSweep || (ids.get(workflowId) ?? 0) > 1;
  return state.members
    .filter(isDoubtful)
    .sort((one, other) => Number(other.slot === 'held') - Number(one.slot === 'held') || one.heardAt - other.heardAt)
    .slice(0, MOST_AT_ONCE)
    .map(({ workflowId, firstRunId }) => ({ workflowId, firstRunId }));
}

/** Exports that could not be told something may be over: they are looked for at once. */
export function doubt(state: GateState, names: readonly ExportName[]): void {
  for (const name of names) {
    const member = state.members.find((member) => isSame(member, name));
    if (member === undefined) continue;
    member.heardAt = 0;
    state.sweptAt = 0;
  }
}

/**
 * Ends a search.
 *
 * @param gone places, in what was looked for, of exports that do not run
 */
export function endSearch(
  state: GateState,
  soughtFor: readonly ExportName[],
  gone: readonly number[],
  now: number,
): void {
  const isGone = new Set(gone);
  for (const [place, name] of soughtFor.entries()) {
    if (isGone.has(place)) leave(state, name);
    else {
      const member = state.members.find((member) => isSame(member, name));
      // It runs, although its workers may not: the next search looks for others first.
      if (member !== undefined) member.heardAt = now;
    }
  }
}
