import { ApplicationFailure } from '@temporalio/common';
import type { Hold } from '../http/read-text.ts';

const MIB = 1024 * 1024;
/** Bytes of bodies that one process works on at once; as text, parsed and as entries they take about ten times that. */
const MOST_AT_ONCE = 256 * MIB;
/** Not counted: every activity slot with so many bytes takes little beside one large manifest. */
const UNCOUNTED = MIB / 4;
/** Activities that wait for room at once: a third of the slots, so that those which need no room find a slot. */
const MOST_WAITING = 32;
/** Milliseconds after which an activity that found too many waiting is tried again. */
const LATER = 30_000;

/**
 * Room for a number of bytes, given out in the order in which it is asked for. Whoever waits keeps its slot and its
 * heartbeats: others work as long as they need, and no request is sent twice.
 */
export class ByteBudget {
  readonly #total: number;
  #free: number;
  readonly #waiting: Place[] = [];

  constructor(total: number = MOST_AT_ONCE) {
    this.#total = total;
    this.#free = total;
  }

  /**
   * What one activity holds. Its `take` throws an `ApplicationFailure`, to be tried again later, when too many are waiting;
   * and the signal's reason.
   */
  hold(signal: AbortSignal): Hold {
    let held = 0;
    let place: Place | undefined;
    const release = (): void => {
      // The connection of the one that waits may have broken meanwhile.
      if (place !== undefined) this.#leave(place);
      this.#free += held;
      held = 0;
      this.#next();
    };
    const take = (bytes: number): Promise<void> | undefined => {
      release();
      if (bytes <= UNCOUNTED) return undefined;
      // A body that is larger than the whole budget gets all of it.
      const wanted = Math.min(bytes, this.#total);
      if (this.#waiting.length === 0 && wanted <= this.#free) {
        this.#free -= wanted;
        held = wanted;
        return undefined;
      }
      if (this.#waiting.length >= MOST_WAITING) throw tooManyWait();
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          release();
          reject(signal.reason as Error);
        };
        place = {
          bytes: wanted,
          go: () => {
            held = wanted;
            signal.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        this.#waiting.push(place);
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
      });
    };
    return { uncounted: UNCOUNTED, take, release };
  }

  #leave(place: Place): void {
    const position = this.#waiting.indexOf(place);
    if (position !== -1) this.#waiting.splice(position, 1);
  }

  #next(): void {
    for (let [first] = this.#waiting; first !== undefined && first.bytes <= this.#free; [first] = this.#waiting) {
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.go();
    }
  }
}

interface Place {
  bytes: number;
  go(): void;
}

function tooManyWait(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'WorkerBusy',
    message: `WorkerBusy: ${MOST_WAITING} large manifests wait for memory of this worker`,
    nextRetryDelay: LATER,
  });
}

const ofThisProcess = new ByteBudget();

/** Runs an activity that may hold large bodies in memory; what it holds is given back when it ends. */
export async function withBodyMemory<T>(signal: AbortSignal, body: (hold: Hold) => Promise<T>): Promise<T> {
  const hold = ofThisProcess.hold(signal);
  try {
    return await body(hold);
  } finally {
    hold.release();
  }
}
