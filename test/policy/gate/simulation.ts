import { pack, unpack } from '../../../src/policy/gate/carry.ts';
import { decide } from '../../../src/policy/gate/decide.ts';
import type { GateState } from '../../../src/policy/gate/gate-state.ts';
import { newGate } from '../../../src/policy/gate/gate-state.ts';
import type { Ask, Grant } from '../../../src/policy/gate/messages.ts';
import { leave, receiveAsk } from '../../../src/policy/gate/receive.ts';
import { beginSearch, endSearch } from '../../../src/policy/gate/search.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, ask, emptyGate } from './asks.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** An export as its gate sees it: it says what it needs, believes what it is told, and may end at any moment. */
export class SimulatedExport {
  readonly #said: Ask;
  readonly #random: () => number;
  #turn = 0;
  #heard = 0;
  #askedAt = -Infinity;
  #hasToTell = true;
  #slot: Ask['slot'] = 'wanted';
  #share = 0;
  #fetched = 0;
  phase: 'queued' | 'job' | 'downloading' | 'over' = 'queued';
  /** Without a word, as when it is terminated. */
  killed = false;
  inFlight = 0;
  servedAt: number | undefined;

  constructor(name: string, more: Partial<Ask>, random: () => number) {
    this.#said = ask(name, more);
    this.#random = random;
  }

  get name(): { workflowId: string; firstRunId: string } {
    return this.#said;
  }

  get pool(): string {
    return this.#said.pool;
  }

  get runs(): boolean {
    return this.phase !== 'over' && !this.killed;
  }

  get holds(): boolean {
    return this.runs && this.#slot === 'held';
  }

  hear(grant: Grant): void {
    if (!this.runs || grant.number <= this.#heard) return;
    this.#heard = grant.number;
    if (grant.slot && this.#slot === 'wanted') this.#slot = 'held';
    if (this.phase === 'downloading') this.#share = grant.downloads ?? Infinity;
    this.#hasToTell ||= this.inFlight > this.#share;
  }

  /** One second passes. */
  live(now: number): Ask | 'leave' | undefined {
    if (!this.runs) return undefined;
    const before = this.inFlight;
    if (this.phase === 'queued' && this.#slot === 'held') {
      this.phase = 'job';
      this.servedAt = now;
    } else if (this.phase === 'job' && this.#random() < 1 / 60) {
      this.phase = 'downloading';
      this.#hasToTell = true;
    } else if (this.phase === 'downloading') {
      if (this.inFlight > 0 && this.#random() < 0.1) this.inFlight--;
      if (this.inFlight < this.#share && this.#fetched < 30) {
        this.inFlight++;
        this.#fetched++;
      }
      if (this.#fetched >= 30 && this.inFlight === 0) {
        this.phase = 'over';
        return 'leave';
      }
    }
    if (before > this.#share && this.inFlight <= this.#share) this.#hasToTell = true;
    if (!this.#hasToTell && now - this.#askedAt < LIMITS.gateAsk) return undefined;
    this.#hasToTell = false;
    this.#askedAt = now;
    const downloading = this.phase === 'downloading';
    const uses = downloading ? Math.max(this.inFlight, this.#share === Infinity ? 0 : this.#share) : 0;
    return { ...this.#said, turn: ++this.#turn, slot: this.#slot, heard: this.#heard, downloading, uses };
  }
}

export interface Chances {
  /** In each second: the gate continues in a new run; it is terminated; an export is; the server is busy. */
  continues: number;
  gateKilled: number;
  killed: number;
  busy: number;
  /** Of each message: it comes twice; it is late, by up to `late` milliseconds. */
  twice: number;
  late: number;
}

/** Lets exports and a gate live, second by second, until all exports are over; calls `look` after each. */
export function simulate(
  exports: readonly SimulatedExport[],
  { chances, random, look }: { chances: Chances; random: () => number; look: (now: number, gate: GateState) => void },
): { seconds: number; gate: GateState } {
  let gate = emptyGate();
  const post: { at: number; deliver: (now: number) => void }[] = [];
  const send = (now: number, deliver: (now: number) => void): void => {
    for (let times = random() < chances.twice ? 2 : 1; times > 0; times--) {
      post.push({ at: now + 100 + random() * chances.late, deliver });
    }
  };
  for (let second = 0; second < 60 * 60 * 24; second++) {
    const now = NOW + second * SECOND;
    if (random() < chances.continues) gate = restored(gate);
    if (random() < chances.gateKilled)
      gate = { ...emptyGate(), ...newGate(now, now + LIMITS.gateAsk + LIMITS.gateSweep) };
    for (const one of exports) {
      if (random() < chances.killed && one.phase !== 'over') one.killed = true;
      const message = one.live(now);
      if (message === 'leave') send(now, () => leave(gate, one.name));
      else if (message !== undefined) {
        const pressure = random() < chances.busy ? { pressure: true as const } : {};
        send(now, (then) => receiveAsk(gate, { ...message, ...pressure }, then, LIMITS));
      }
    }
    for (const one of post.filter(({ at }) => at <= now)) one.deliver(now);
    post.splice(0, post.length, ...post.filter(({ at }) => at > now));
    if (gate.members.length > 0 && now - gate.sweptAt >= LIMITS.gateSweep) {
      const sought = beginSearch(gate, now, LIMITS);
      const gone = sought.flatMap(({ firstRunId }, place) =>
        exports.some((one) => one.name.firstRunId === firstRunId && one.runs) ? [] : [place],
      );
      endSearch(gate, sought, gone, now);
    }
    for (const { firstRunId, grant } of decide(gate, now, LIMITS)) {
      const one = exports.find(({ name }) => name.firstRunId === firstRunId);
      if (one !== undefined) send(now, () => one.hear(grant));
    }
    look(now, gate);
    if (exports.every(({ runs }) => !runs) && post.length === 0) return { seconds: second, gate };
  }
  throw new Error('exports are left that were never served');
}

/** As Temporal hands a state from one run to the next. */
function restored(gate: GateState): GateState {
  const [carried, ...parts] = JSON.parse(JSON.stringify(pack(gate))) as ReturnType<typeof pack>;
  return unpack(carried, parts);
}

/** Milliseconds within which the slot of an export that was killed is free again. */
export const LONGEST_LOSS = 15 * MINUTE;
