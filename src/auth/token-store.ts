import { refreshMargin } from '../policy/refresh-margin.ts';
import type { GrantedToken, TokenTrouble } from './token-request.ts';

/** A token that this worker holds, in memory only. */
export interface HeldToken {
  value: string;
  /** Its age, comparable on all workers: time of minting, or the epoch that was asked for if that is later. */
  epoch: number;
  /** Milliseconds since the epoch by our clock. */
  expiresAt: number;
  /** Milliseconds that it lives in all. */
  lifetime: number;
  scope: string | undefined;
  /** The latest epoch that it was given out for; with a clock ahead of the others' its own is later. */
  servedFor: number;
}

/** Asks the token endpoint. */
export type Mint = (scope: string | undefined) => Promise<GrantedToken | TokenTrouble>;

/** The tokens of one server in this worker: one per scope, minted once however many ask at the same time. */
export class TokenStore {
  readonly #mint: Mint;
  readonly #held = new Map<string, HeldToken>();
  readonly #minting = new Map<string, Promise<HeldToken | TokenTrouble>>();

  constructor(mint: Mint) {
    this.#mint = mint;
  }

  /**
   * This worker's token of an epoch or a later one, minted only if it has none. A token that has expired is `stale`:
   * only the workflow decides that there shall be a new one.
   */
  async get(scope: string | undefined, epoch: number): Promise<HeldToken | TokenTrouble | 'stale'> {
    const held = this.#held.get(scope ?? '');
    if (held === undefined || held.epoch < epoch) return this.#mintOnce(scope, epoch);
    // With a clock ahead of the others' an old token bears an epoch that they reach only later.
    if (held.expiresAt <= Date.now()) return epoch > held.servedFor ? this.#mintOnce(scope, epoch) : 'stale';
    held.servedFor = Math.max(held.servedFor, epoch);
    return held;
  }

  /** A token newer than an epoch: one that another export has had minted meanwhile, if it is young, or a new one. */
  async newer(scope: string | undefined, than: number): Promise<HeldToken | TokenTrouble> {
    const held = this.#held.get(scope ?? '');
    const young = held !== undefined && held.expiresAt - Date.now() > refreshMargin(held.lifetime);
    const token = young && held.epoch > than ? held : await this.#mintOnce(scope, Math.max(than, held?.epoch ?? 0) + 1);
    if ('servedFor' in token) token.servedFor = token.epoch;
    return token;
  }

  async #mintOnce(scope: string | undefined, epoch: number): Promise<HeldToken | TokenTrouble> {
    const key = scope ?? '';
    const running = this.#minting.get(key);
    if (running !== undefined) {
      const token = await running;
      if ('trouble' in token || token.epoch >= epoch) return token;
      return this.#mintOnce(scope, epoch);
    }
    const minting = this.#mintNow(scope, epoch).finally(() => this.#minting.delete(key));
    this.#minting.set(key, minting);
    return minting;
  }

  async #mintNow(scope: string | undefined, epoch: number): Promise<HeldToken | TokenTrouble> {
    const asked = Date.now();
    const granted = await this.#mint(scope);
    if ('trouble' in granted) return granted;
    const { value, expiresIn, scope: grantedScope } = granted;
    const token = {
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
}
