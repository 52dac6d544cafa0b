import type { Grant } from '../policy/gate/messages.ts';
import type { ExportState, GateSeat } from './state.ts';

/** Wants a slot, unless it wants or has one. Whoever stood back has the place that it had. */
export function wantSlot(seat: GateSeat): void {
  if (seat.slot !== 'none') return;
  if (seat.stoodBack === undefined) seat.since = Date.now();
  delete seat.stoodBack;
  delete seat.unheardSince;
  Object.assign(seat, { slot: 'wanted', isNew: true, wantedFrom: nextTurn(seat) });
}

/** Wants another slot instead of one that nobody granted and that is gone; false where there is none. */
export function wantOtherSlot(seat: GateSeat): boolean {
  if (seat.ofEarlierRun !== true || seat.slot !== 'held') return false;
  delete seat.ofEarlierRun;
  // Without `isNew`, so that a new gate still learns that there was one before it.
  Object.assign(seat, { slot: 'wanted', unheardSince: Date.now(), wantedFrom: nextTurn(seat) });
  return true;
}

/** Gives back its slot, or its place in the queue, for a time. */
export function standBack(seat: GateSeat): void {
  if (seat.slot === 'none') return;
  Object.assign(seat, { slot: 'none', stoodBack: true });
  delete seat.place;
  delete seat.keptUntil;
}

/** Whether the server keeps a slot for the export's job until DELETE: nobody else can have it before. */
export function isKeptUntilDelete({ gate, opened }: Pick<ExportState, 'gate' | 'opened'>): boolean {
  return gate?.slot === 'held' && opened?.gate?.slots === true && opened.gate.deleteFreesSlot;
}

/** After the clock was set back: what was said was not said later than now, or nothing would be said until then. */
export function mindClock(seat: GateSeat): void {
  const now = Date.now();
  seat.askedAt = Math.min(seat.askedAt, now);
  if (seat.pressedAt !== undefined) seat.pressedAt = Math.min(seat.pressedAt, now);
}

/** Time, so that it rises also when the export was reset to an earlier event. */
export function nextTurn(seat: GateSeat): number {
  return Math.max(seat.turn + 1, Date.now());
}

/**
 * Takes what the gate says of the slot.
 *
 * @returns whether it is granted: the gate is to hear that this is known, so that it need not rely on its own memory alone
 */
export function takeSlot(seat: GateSeat, { slot, place, waiting, turn = Infinity }: Grant): boolean {
  // An answer to what was said before is about a slot that has been given back since.
  if (seat.slot !== 'wanted' || turn < (seat.wantedFrom ?? 0)) return false;
  if (slot) seat.slot = 'held';
  if (slot || place === undefined) delete seat.place;
  else seat.place = { place, waiting: waiting ?? place };
  return slot;
}

/** The server has no limits any more. */
export function withoutGate(seat: GateSeat): void {
  if (seat.slot === 'wanted') seat.slot = 'held';
  delete seat.place;
  if (seat.downloading) seat.share = 'unlimited';
}
