import { CancellationScope, log, patched, workflowInfo } from '@temporalio/workflow';
import type { GateTerms } from '../activities/open-export.ts';
import type { ExportRequest } from '../contract.ts';
import { MOST_MISSED } from '../policy/gate/messages.ts';
import { readGrant } from '../policy/gate/read-messages.ts';
import type { Limits } from '../policy/limits.ts';
import { boundedStep } from './activity-options.ts';
import { codeOf } from './failure.ts';
import { askOf, idleOf, isFinal, noteAsked, noteHeard, noteTrouble } from './gate-ask.ts';
import { mindClock, nextTurn, standBack, takeSlot, wantOtherSlot, wantSlot, withoutGate } from './gate-seat.ts';
import type { ExportState, GateSeat } from './state.ts';
import { wait } from './wait.ts';

/** Time to tell the gate that the export is over; a gate that hears nothing finds out. Without a slot only people wait. */
const LAST_WORD = { held: 60_000, wanted: 10_000, none: 10_000 };

/** What a keeper needs of the run whose slot it keeps. */
export interface SlotHolder {
  readonly request: ExportRequest;
  readonly state: ExportState;
  readonly limits: Limits;
  /** Batches of files and of attachments that are in flight. */
  readonly inFlight: number;
  /** Refreshes what people see. */
  show(): void;
}

/**
 * The export's side of its server's gate: asks for a slot before the kick-off, and for a share of the downloads; goes on
 * telling the gate, so that neither side's loss of memory lasts; and gives back what it had.
 *
 * Exports whose server has no gate have no seat, and nothing here does anything for them.
 */
export class SlotKeeper {
  readonly #run: SlotHolder;
  /** There is something that the gate does not know yet. */
  #news = false;
  /** Downloads that it may start have become fewer; the gate waits to hear that no more are in flight. */
  #isLess = false;
  #isTelling = false;
  #isPressed = false;
  #isOver = false;
  #failure: unknown;

  constructor(run: SlotHolder) {
    this.#run = run;
  }

  get #seat(): GateSeat | undefined {
    return this.#run.state.gate;
  }

  get #terms(): GateTerms | undefined {
    return this.#run.state.opened?.gate;
  }

  /** Takes a seat, when the server has a gate. Once for each export, and before anything is asked of the server. */
  open(terms: GateTerms | undefined): void {
    // A worker of an earlier version may have read what this one's activity returned.
    if (terms === undefined || !patched('gate')) return;
    const seat: GateSeat = { slot: 'none', since: Date.now(), turn: 0, heard: 0, askedAt: 0, downloading: false };
    this.#run.state.gate = terms.slots && terms.hasJob ? { ...seat, slot: 'held', ofEarlierRun: true } : seat;
  }

  /** Goes on telling the gate, until the export is over; once for each run. */
  start(): void {
    if (this.#seat === undefined) return;
    // What the run before had not told yet is not known any more.
    this.#news = this.#seat.turn > 0 || this.#isMember;
    void CancellationScope.nonCancellable(() => this.#keepTelling()).catch((error: unknown) => {
      this.#failure = error;
      log.warn('the gate of the server is not told any more', { error });
    });
  }

  /** Whether the kick-off has to wait for a slot. */
  get isNeeded(): boolean {
    return this.#seat !== undefined && this.#terms?.slots === true && this.#seat.slot !== 'held';
  }

  /** Asks for a slot, or asks again. */
  ask(): void {
    if (this.#seat === undefined) return;
    wantSlot(this.#seat);
    this.#news = true;
  }

  /** Whether the export has a slot that it can give back. */
  get hasSlot(): boolean {
    return this.#terms?.slots === true && this.#seat?.slot === 'held';
  }

  /** Gives back the slot, or the place in the queue, for a time in which the export could do nothing with a slot. */
  standBack(): void {
    if (this.#seat === undefined) return;
    standBack(this.#seat);
    this.#news = true;
  }

  /** An earlier run's job has ended, and with it the slot that nobody granted: the next job waits for its turn. */
  jobIsGone(): void {
    if (this.#seat !== undefined && wantOtherSlot(this.#seat)) this.#news = true;
  }

  /** Why the gate can no longer be asked; undefined while it can. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The job is complete. Where its end frees the slot, another export may have it while this one fetches its files. */
  jobIsComplete(): void {
    const seat = this.#seat;
    if (seat === undefined || this.#terms?.deleteFreesSlot !== false || seat.slot === 'none') return;
    seat.slot = 'none';
    this.#news = true;
  }

  /** Files are downloaded from now on, or not any more. */
  downloads(begin: boolean): void {
    const seat = this.#seat;
    if (seat === undefined || this.#terms?.downloads !== true || seat.downloading === begin) return;
    seat.downloading = begin;
    if (begin && seat.slot === 'none') seat.since = Date.now();
    delete seat.share;
    this.#news = true;
  }

  /** Batches that may be in flight, as far as the gate has a say. */
  get share(): number {
    const seat = this.#seat;
    // A gate that can no longer be asked must not hold up what has begun.
    if (seat === undefined || this.#terms?.downloads !== true || this.#failure !== undefined) return Infinity;
    return seat.share === 'unlimited' ? Infinity : (seat.share ?? 0);
  }

  /** The server has asked for fewer requests. */
  pressed(): void {
    if (this.#seat !== undefined && this.#terms?.downloads === true) this.#seat.pressing = this.#isPressed = true;
  }

  /** The same by an answer that is about no file and no status: earlier versions did not look there. */
  heard({ busy }: { busy?: boolean | undefined }): void {
    const isShared = this.#seat !== undefined && this.#terms?.downloads === true;
    if (busy === true && isShared && patched('busy-answers-press')) this.pressed();
  }

  /** Takes what the gate says. Anybody may have sent it. */
  take(message: unknown): void {
    const seat = this.#seat;
    const grant = readGrant(message);
    if (seat === undefined || grant?.firstRunId !== workflowInfo().firstExecutionRunId) return;
    if (grant.number <= seat.heard || grant.number > seat.heard + MOST_MISSED) return;
    seat.heard = grant.number;
    if ((grant.turn ?? Infinity) >= (seat.wantedFrom ?? 0)) noteHeard(this.#run);
    if (takeSlot(seat, grant)) this.#news = true;
    const before = this.share;
    if (seat.downloading) seat.share = grant.downloads ?? 'unlimited';
    if (this.share < before) this.#isLess = true;
  }

  /** Gives back what the export has: it is over, and has deleted its job if it was to. Never fails. */
  async release(): Promise<void> {
    const seat = this.#seat;
    const isFirst = !this.#isOver;
    this.#isOver = true;
    if (seat === undefined || seat.turn === 0 || !isFirst) return;
    const time = LAST_WORD[seat.slot];
    await CancellationScope.nonCancellable(async () => {
      try {
        // What is said last is to arrive last.
        await wait({ unless: () => !this.#isTelling, until: Date.now() + time });
        const { workflowId, firstExecutionRunId: firstRunId } = workflowInfo();
        const leave = { workflowId, firstRunId };
        await boundedStep('give back the slot', time).leaveGate({ server: this.#run.request.server, leave });
      } catch (error) {
        log.warn('the gate could not be told that the export is over; it will find out', { error });
      }
    });
  }

  get #isMember(): boolean {
    return this.#seat !== undefined && (this.#seat.slot !== 'none' || this.#seat.downloading);
  }

  /** Whether the gate is to be told at once. */
  get #isDue(): boolean {
    if (this.#isOver || this.#news) return true;
    if (this.#isLess && this.#run.inFlight <= this.share) return true;
    return this.#seat?.pressing === true && Date.now() >= this.#pressureFrom;
  }

  /** Once in a while suffices, however many files find the server busy. */
  get #pressureFrom(): number {
    return (this.#seat?.pressedAt ?? 0) + this.#run.limits.gatePressure;
  }

  async #keepTelling(): Promise<void> {
    const seat = this.#seat as GateSeat;
    while (!this.#isOver) {
      mindClock(seat);
      // Also when it needs nothing any more: what an attempt that was frozen said late is put right.
      const again = seat.turn > 0 ? seat.askedAt + this.#run.limits.gateAsk : undefined;
      const isPressed = seat.pressing === true;
      const until = isPressed ? Math.min(this.#pressureFrom, again ?? Infinity) : again;
      const changed = (): boolean => this.#isDue || (seat.pressing === true) !== isPressed;
      const hasChanged = await wait({ until, unless: changed, summary: 'ask the gate again' });
      if (this.#isOver) return;
      // A timer that has ended says so whatever the clock says: it may have been set back meanwhile.
      if (!hasChanged || this.#isDue || (again ?? Infinity) <= Date.now()) await this.#tell(seat);
    }
  }

  async #tell(seat: GateSeat): Promise<void> {
    const { request, state, inFlight, limits } = this.#run;
    const pressure = seat.pressing === true && Date.now() >= this.#pressureFrom;
    if (pressure) seat.pressedAt = Date.now();
    this.#news = this.#isPressed = false;
    this.#isLess &&= inFlight > this.share;
    this.#isTelling = true;
    const { share } = this;
    // The clock may have gone back since it wanted what it wants.
    seat.turn = Math.max(nextTurn(seat), seat.wantedFrom ?? 0);
    // Also when it fails: it is told again after the same time.
    seat.askedAt = Date.now();
    try {
      const result = await boundedStep('ask the gate', limits.gateAsk).askGate({
        server: request.server,
        request: { groupId: request.groupId },
        ask: askOf(seat, { uses: Math.max(inFlight, share === Infinity ? 0 : share), pressure, idle: idleOf(state) }),
      });
      if (result.kind === 'noGate') withoutGate(seat);
      // Not before: the export may continue in a new run meanwhile.
      if (pressure && !this.#isPressed) delete seat.pressing;
      delete seat.faults;
      noteAsked(this.#run);
    } catch (error) {
      const isFault = codeOf(error) !== undefined;
      if (isFault && isFinal(seat)) throw error;
      // It would be asked every few seconds. If the server stays busy, the next file presses again.
      if (pressure && isFault && patched('gate-not-pressed-after-faults') && !this.#isPressed) delete seat.pressing;
      log.warn('the gate could not be asked; it is asked again', { error });
      // It is asked again like at any other time; meanwhile people see why nothing comes.
      if (seat.slot === 'wanted' || (seat.downloading && this.share <= 0)) noteTrouble(this.#run, error);
    } finally {
      this.#isTelling = false;
    }
  }
}
