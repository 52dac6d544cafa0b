import { refreshMargin } from '../policy/refresh-margin.ts';
import type { GrantedToken, TokenTrouble } from './token-request.ts';

/**
 * Milliseconds for which the answer of a token endpoint that is away or busy holds for all who ask, where it says nothing
 * and at most: steps begin together, and an operator who wants another try is not kept waiting.
 */
const HOLD = 500;
const LONGEST_HOLD = 5000;

/** A token that this worker holds, in memory only. */
export interface HeldToken {
  kind: 'token';
  value: string;
  /** Its age, comparable on all workers: time of minting, or the epoch that was asked for if that is later. */
  epoch: number;
  /** Milliseconds since the epoch by our clock. */
  expiresAt: number;
  /** Milliseconds from its minting to its end. */
  lifetime: number;
  scope: string | undefined;
  /** The latest epoch that it was used for; on a worker whose clock is ahead its own epoch is later. */
  servedFor: number;
}

/** This worker's token has expired, and only the workflow decides that there is to be a new one. */
export interface StaleToken {
  kind: 'stale';
}

/** Asks the token endpoint. */
export type Mint = (scope: string | undefined) => Promise<GrantedToken | TokenTrouble>;

/** The tokens of one server in this worker: one per scope, minted once however many ask at the same time. */
export class TokenStore {
  readonly #mint: Mint;
  readonly #held = new Map<string, HeldToken>();
  readonly #minting = new Map<string, Promise<HeldToken | TokenTrouble>>();
  /** Of the endpoint, whatever the scope. */
  #trouble: { answer: TokenTrouble; at: number } | undefined;

  constructor(mint: Mint) {
    this.#mint = mint;
  }

  /**
   * This worker's token of an epoch or a later one, minted only if it has none.
   *
   * @param scope undefined: as the server likes
   */
  async get(scope: string | undefined, epoch: number): Promise<HeldToken | TokenTrouble | StaleToken> {
    const held = this.#held.get(scope ?? '');
    if (held === undefined || held.epoch < epoch) return this.#mintOnce(scope, epoch);
    // On a worker whose clock is ahead an old token has an epoch that the other workers reach only later.
    if (held.expiresAt <= Date.now()) return epoch > held.servedFor ? this.#mintOnce(scope, epoch) : { kind: 'stale' };
    held.servedFor = Math.max(held.servedFor, epoch);
    return held;
  }

  /** A token newer than an epoch: one that was minted for another export meanwhile, if it is young, or a new one. */
  async newer(scope: string | undefined, than: number): Promise<HeldToken | TokenTrouble> {
    const held = this.#held.get(scope ?? '');
    const young = held !== undefined && held.expiresAt - Date.now() > refreshMargin(held.lifetime);
    const token = young && held.epoch > than ? held : await this.#mintOnce(scope, Math.max(than, held?.epoch ?? 0) + 1);
    if (token.kind === 'token') token.servedFor = token.epoch;
    return token;
  }

  async #mintOnce(scope: string | undefined, epoch: number): Promise<HeldToken | TokenTrouble> {
    const key = scope ?? '';
    const running = this.#minting.get(key);
    if (running !== undefined) {
      const token = await running;
      if (token.kind === 'trouble' || token.epoch >= epoch) return token;
      return this.#mintOnce(scope, epoch);
    }
    const minting = this.#mintNow(scope, epoch).finally(() => this.#minting.delete(key));
    this.#minting.set(key, minting);
    return minting;
  }

  async #mintNow(scope: string | undefined, epoch: number): Promise<HeldToken | TokenTrouble> {
    const asked = Date.now();
    const known = this.#knownTrouble(asked);
    if (known !== undefined) return known;
    const granted = await this.#mint(scope);
    if (granted.kind === 'trouble') {
      this.#trouble = { answer: granted, at: Date.now() };
      return granted;
    }
    this.#trouble = undefined;
    const { value, expiresIn, scope: grantedScope } = granted;
    const token: HeldToken = {
      kind: 'token',
      value,
      epoch: Math.max(epoch, Date.now()),
      expiresAt: asked + expiresIn,
      lifetime: expiresIn,
      scope: grantedScope,
      servedFor: epoch,
    };
    this.#held.set(scope ?? '', token);
    return token;
  }

  #knownTrouble(now: number): TokenTrouble | undefined {
    if (this.#trouble === undefined) return undefined;
    const { answer, at } = this.#trouble;
    const { retryAfter } = answer;
    const hold = Math.min(Math.max(retryAfter ?? 0, HOLD), LONGEST_HOLD);
    // Before: the clock has been set back.
    if (now < at || now >= at + hold) return undefined;
    return retryAfter === undefined ? answer : { ...answer, retryAfter: Math.max(0, at + retryAfter - now) };
  }
}
