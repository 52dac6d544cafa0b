import { decide } from '../../../src/policy/gate/decide.ts';
import type { GateState } from '../../../src/policy/gate/gate-state.ts';
import { newGate } from '../../../src/policy/gate/gate-state.ts';
import type { Ask, Outgoing } from '../../../src/policy/gate/messages.ts';
import { receiveAsk } from '../../../src/policy/gate/receive.ts';
import { LIMITS } from '../../../src/policy/limits.ts';

export const NOW = 1_800_000_000_000;

/** A gate that knows nobody and may grant at once. */
export function emptyGate(): GateState {
  return { ...newGate(NOW, 0), ...RULES };
}

/** All that gates of earlier versions did otherwise. */
export const RULES = { answersNews: true, knowsShares: true, skipsSilent: true, listensWell: true, mindsClock: true };

/** What an export says that wants a slot; its place in the alphabet is its place in time. */
export function ask(workflowId: string, more: Partial<Ask> = {}): Ask {
  return {
    workflowId,
    firstRunId: `run of ${workflowId}`,
    turn: 1,
    since: NOW + workflowId.charCodeAt(0),
    slot: 'wanted',
    pool: '',
    downloading: false,
    uses: 0,
    heard: 0,
    priority: 3,
    fairnessKey: '',
    weight: 1,
    limits: { exports: 1 },
    ...more,
  };
}

/** Gives a gate some messages at once. */
export function say(state: GateState, asks: readonly Ask[], now = NOW): Outgoing[] {
  for (const one of asks) receiveAsk(state, one, now, LIMITS);
  return decide(state, now, LIMITS);
}

/** Those that hold slots. */
export function holders({ members }: GateState): string[] {
  return members.filter(({ slot }) => slot === 'held').map(({ workflowId }) => workflowId);
}

/** Names of exports. */
export function letters(text: string): string[] {
  return text.split('');
}
