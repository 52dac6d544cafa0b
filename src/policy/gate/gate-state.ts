import type { Ask, ExportName, GateLimits, Slot } from './messages.ts';

/** An export as its gate knows it. Times are milliseconds since the epoch, also in all that follows. */
export interface Member extends ExportName {
  turn: number;
  since: number;
  slot: Slot;
  pool: string;
  downloading: boolean;
  priority: number;
  fairnessKey: string;
  weight: number;
  wantedFrom?: number | undefined;
  idle?: Ask['idle'];
  /** When it was last heard of, also by a search. */
  heardAt: number;
  /** When it last said something itself. */
  saidAt?: number | undefined;
  /** It runs, and has said nothing for long: it is paused, stuck, or without workers. */
  isSilent?: true | undefined;
  /** Number of the last grant that was sent to it. */
  sent: number;
  /** Downloads that it was last allowed. */
  share: number;
  /** Number of the grant that said so first; later ones said the same. */
  sharedBy?: number | undefined;
  /** Most downloads that it may have in flight, until it says that they are fewer. */
  uses: number;
  /** Place that it was last told, and among how many. */
  place?: number | undefined;
  among?: number | undefined;
  /** It is to be told how it stands. */
  owed?: true | undefined;
  /** It has asked, and is told if it does not know how it stands. */
  asked?: true | undefined;
}

/** Whose turn it is in a pool: start-time fair queuing, in which a turn takes the time 1/weight of its key. */
export interface Turns {
  pool: string;
  /** Time at which the last turn began, of no clock that anybody has. */
  time: number;
  /** Keys, and when their last turns end. */
  keys: [key: string, end: number][];
}

/** All that a gate knows. Bounded by the exports that run; it holds no secret. */
export interface GateState {
  limits: GateLimits;
  /** Turn of the message that brought them. */
  limitsFrom?: number | undefined;
  members: Member[];
  /** Those that left last, in this run, and the turns of what they said last. */
  leavers?: (ExportName & { turn: number })[] | undefined;
  /** Exports that say what is known, and know how they stand, are not answered; runs of earlier versions answered all. */
  answersNews?: boolean | undefined;
  /** An answer that crosses a message about the same share harms nothing; in runs of earlier versions it did. */
  knowsShares?: boolean | undefined;
  /** Exports that say nothing get no slot; in runs of earlier versions they did. */
  skipsSilent?: boolean | undefined;
  /**
   * Messages that are forged, or come late, make it deaf to nobody; silence counts while it is awake, and ends downloads.
   * In runs of earlier versions neither was so.
   */
  listensWell?: boolean | undefined;
  /** A clock that is set stops nothing, and hastens no grant; in runs of earlier versions it did. */
  mindsClock?: boolean | undefined;
  /** Run that kept all that is known of silence. */
  ofRun?: string | undefined;
  /** When it last decided something, and since when it has done so whenever it had to. */
  awakeAt?: number | undefined;
  awakeSince?: number | undefined;
  turns: Turns[];
  /** Downloads that all exports share now: at most what is configured, fewer while the server is busy. */
  total?: number | undefined;
  /** When the total was last halved, and when it last changed or was pressed upon. */
  halvedAt: number;
  quietSince: number;
  /** Which of the downloading exports comes first, when there are more of them than downloads. */
  rotation: number;
  /** Nothing is granted before: exports that hold slots may not have been heard yet. */
  grantsFrom: number;
  /** When the first run of the gate began, and whether exports have heard of an earlier gate that knew them. */
  bornAt?: number | undefined;
  isSecond?: true | undefined;
  sweptAt: number;
  /** Since when there is nobody. */
  idleSince: number;
}

/** How often a gate does what, in milliseconds. */
export interface GateTimes {
  /** Exports ask again after this time. */
  gateAsk: number;
  /** Exports that were not heard are looked for this often. */
  gateSweep: number;
  /** Busy answers within this time count as one. */
  gatePressure: number;
  /** Without a busy answer for this time, one more download is allowed. */
  gateQuiet: number;
  /** A gate that nobody needs ends after this time. */
  gateIdle: number;
}

/** Time after which all exports that run have asked again, with time to spare. */
export function timeToHear({ gateAsk, gateSweep }: GateTimes): number {
  return gateAsk + gateSweep;
}

/** @param grantsFrom time before which nothing is granted */
export function newGate(now: number, grantsFrom: number): GateState {
  return {
    limits: {},
    members: [],
    turns: [],
    halvedAt: 0,
    quietSince: now,
    rotation: 0,
    grantsFrom,
    bornAt: now,
    sweptAt: now,
    idleSince: now,
  };
}

export function isSame(one: ExportName, other: ExportName): boolean {
  return one.firstRunId === other.firstRunId && one.workflowId === other.workflowId;
}

/** First come, first served; the same everywhere, whatever the order in which messages came. */
export function inOrder(one: Member, other: Member): number {
  return (
    one.priority - other.priority ||
    one.since - other.since ||
    compare(one.workflowId, other.workflowId) ||
    compare(one.firstRunId, other.firstRunId)
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** An export that the gate hears of for the first time. */
export function newMember(ask: Ask, now: number): Member {
  // An earlier gate may have numbered grants, and allowed downloads.
  return { ...saidBy(ask), uses: ask.uses, heardAt: now, saidAt: now, sent: ask.heard, share: ask.uses };
}

/** What an export says of itself that stays true until it says something else. */
export function saidBy(
  ask: Ask,
): Pick<Ask, keyof ExportName | 'turn' | 'since' | 'slot' | 'pool' | 'downloading'> &
  Pick<Ask, 'wantedFrom' | 'idle' | 'priority' | 'fairnessKey' | 'weight'> {
  const { workflowId, firstRunId, turn, since, slot, pool, downloading, wantedFrom, idle } = ask;
  const { priority, fairnessKey, weight } = ask;
  const place = { since, priority, fairnessKey, weight };
  return { workflowId, firstRunId, turn, slot, pool, downloading, wantedFrom, idle, ...place };
}
