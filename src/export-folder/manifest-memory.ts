import { ApplicationFailure } from '@temporalio/common';

const MIB = 1024 * 1024;
/** Bytes of manifests that one process works on at once; as text, parsed and as entries they take about ten times that. */
const MOST_AT_ONCE = 256 * MIB;
/** Not counted: a slot for every activity with so many bytes is little beside one large manifest. */
const UNCOUNTED = MIB / 4;
/** Activities that wait for room at once: a third of the slots, so that those which need no room find one. */
const MOST_WAITING = 32;
/** Milliseconds after which one that has found too many waiting comes again. */
const LATER = 30_000;

/** What one activity holds of the room for manifests. */
export interface Hold {
  /** Bytes up to which nothing need be asked for. */
  readonly uncounted: number;
  /**
   * Asks for room for so many bytes, instead of what was held before.
   *
   * @returns undefined when there is room at once
   * @throws ApplicationFailure, to be tried again later, when too many are waiting; the signal's reason
   */
  take(bytes: number): Promise<void> | undefined;
  release(): void;
}

/**
 * Room for a number of bytes, given out in the order in which it is asked for. Whoever waits does so in its slot, with
 * heartbeats: it takes as long as others take to work, and no request need be sent again.
 */
export class ByteBudget {
  readonly #total: number;
  #free: number;
  readonly #waiting: Place[] = [];

  constructor(total: number = MOST_AT_ONCE) {
    this.#total = total;
    this.#free = total;
  }

  hold(signal: AbortSignal): Hold {
    let held = 0;
    let place: Place | undefined;
    const release = (): void => {
      // Whoever asked may have been told meanwhile that its connection broke.
      if (place !== undefined) this.#leave(place);
      this.#free += held;
      held = 0;
      this.#next();
    };
    const take = (bytes: number): Promise<void> | undefined => {
      release();
      if (bytes <= UNCOUNTED) return undefined;
      // One that is larger than all there is has all of it.
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

/** Runs an activity that may have large manifests in memory; what it holds is given back when it ends. */
export async function withManifestMemory<T>(signal: AbortSignal, body: (hold: Hold) => Promise<T>): Promise<T> {
  const hold = ofThisProcess.hold(signal);
  try {
    return await body(hold);
  } finally {
    hold.release();
  }
}
