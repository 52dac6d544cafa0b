/** Milliseconds for which credentials that a proxy refuses are tried: what it asks about them may be away for a while. */
const PATIENCE = 60 * 60_000;
/** Milliseconds after which a refusal has nothing to do with the one before. Waits between tries are shorter. */
const PAUSE = 15 * 60_000;

/** How long a proxy has refused the credentials of one worker. */
export class ProxyRefusals {
  #first = -Infinity;
  #latest = -Infinity;

  /**
   * Notes one more.
   *
   * @param now milliseconds, of any clock that goes on
   * @returns whether it is final: there have been others for an hour, and nothing else
   */
  isFinal(now = performance.now()): boolean {
    if (now - this.#latest > PAUSE) this.#first = now;
    this.#latest = now;
    return now - this.#first >= PATIENCE;
  }

  /** The proxy has accepted them. */
  end(): void {
    this.#latest = -Infinity;
  }
}

const known = new WeakMap<object, ProxyRefusals>();

/** Those of the proxy that rules name: each fresh connection is made by an agent of its own. */
export function refusalsOf(rules: object): ProxyRefusals {
  const refusals = known.get(rules) ?? new ProxyRefusals();
  known.set(rules, refusals);
  return refusals;
}
