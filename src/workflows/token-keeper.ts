import { patched } from '@temporalio/workflow';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import type { TokenRef } from '../fhir-server/token-needed.ts';
import type { OpenedExport } from '../activities/open-export.ts';
import type { ExportRequest } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import type { Limits } from '../policy/limits.ts';
import { refreshMargin } from '../policy/refresh-margin.ts';
import type { Trouble } from '../policy/trouble.ts';
import { addTrouble } from '../policy/trouble.ts';
import { detailOf } from './earlier-versions.ts';
import { isObject } from '../fhir/is-object.ts';
import { failure, noAnswer } from './failure.ts';
import type { NextTry } from './retry.ts';
import { nextTry, secondsUntil } from './retry.ts';
import type { SlotKeeper } from './slot-keeper.ts';
import type { ExportState } from './state.ts';
import type { Steering } from './steering.ts';
import { addWarnings } from './state.ts';
import { step } from './activity-options.ts';

/** How often one is used again that was refused when it was new. */
const TRIES_OF_A_NEW_TOKEN = 2;

/** How often a step may be refused whose token ends meanwhile: a server that takes long to refuse refuses all tokens so. */
const MOST_LATE_REFUSALS = 20;

/** The end of what a firewall bars. */
const BARRED = 'nobody was let in for an hour';

/** What a keeper needs of the run whose tokens it keeps. */
export interface TokenHolder {
  readonly request: ExportRequest;
  readonly state: ExportState;
  readonly opened: OpenedExport;
  readonly limits: Limits;
  readonly steering: Pick<Steering, 'clock'>;
  readonly slots: Pick<SlotKeeper, 'heard'>;
  waitUntil(time: number, summary: string): Promise<unknown>;
}

/**
 * Decides when a new token is needed: before the last one ends, and once when it is refused. The token itself
 * lives in the workers; what is known here is its epoch.
 */
export class TokenKeeper {
  readonly #run: TokenHolder;
  /** Why there was no token, the last time that there was none. */
  trouble: string | undefined;

  constructor(run: TokenHolder) {
    this.#run = run;
  }

  /** The token that there is, however old; undefined before the first. */
  get held(): { token: TokenRef } | undefined {
    const held = this.#run.state.token;
    return held === undefined ? undefined : { token: { epoch: held.epoch, scope: held.scope } };
  }

  /** What the next step is given: nothing when the server wants no credentials. */
  async current(): Promise<{ token?: TokenRef }> {
    if (!this.#run.opened.needsToken) return {};
    const held = this.#run.state.token;
    if (held === undefined || (held.refreshAt !== undefined && held.refreshAt <= Date.now())) {
      await this.#refresh(held?.epoch ?? 0);
    }
    const { epoch, scope } = this.#run.state.token as TokenRef;
    return { token: { epoch, scope } };
  }

  /**
   * Runs a step with the current token, and again with a new one when that one cannot be used.
   *
   * @param how.first given to the first call; default: the current token
   * @param how.isPatient waits for a firewall to let this worker in again, and once the job is accepted for somebody else to
   *   renew a refused token. Default: true
   */
  async use<T extends { kind: string }>(
    call: (input: { token?: TokenRef }) => Promise<T | TokenNeeded>,
    { first, isPatient = true }: { first?: { token: TokenRef } | undefined; isPatient?: boolean } = {},
  ): Promise<Exclude<T, TokenNeeded>> {
    let refusals = 0;
    let refused: Trouble | undefined;
    let late = 0;
    let trouble: Trouble | undefined;
    for (let given = first; ; given = undefined) {
      const input = given ?? (await this.current());
      const began = Date.now();
      const result = await call(input);
      if (!hasKind(result)) throw noAnswer(`a step (${this.#run.state.phase})`);
      if (!isTokenNeeded(result)) return result as Exclude<T, TokenNeeded>;
      if (this.#endedSince(began)) {
        // A step of many requests takes more than one token, which is no trouble.
        if (result.refused && ++late > MOST_LATE_REFUSALS && patched('late-refusals-count'))
          throw failure('AuthorizationFailed', detailOf(result));
        await this.#refresh(result.epoch);
        continue;
      }
      const isLasting = result.refused && ++refusals > 1;
      // A worker of an earlier version may have heard of the firewall first.
      const isBarred = isLasting && isPatient && result.byGateway === true && patched('firewalls-are-waited-for');
      if (isBarred || (isLasting && isPatient && this.#mayBeReplaced())) {
        const next = this.#nextTry(refused);
        refused = next.trouble;
        await this.#wait(next, detailOf(result), isBarred ? BARRED : 'the token was not replaced');
      } else if (isLasting) {
        if (!this.#mayBeEarly(result.epoch, refusals)) throw failure('AuthorizationFailed', detailOf(result));
        const delay = this.#run.limits.newToken * 5 ** (refusals - 2);
        await this.#run.waitUntil(Date.now() + delay, 'the new token again');
        continue;
      }
      trouble = await this.renew(result, trouble);
    }
  }

  /**
   * Raises the epoch, unless somebody has done so since the step was started. A worker that cannot have a token minted,
   * again and again, is waited for, within the time for the token endpoint.
   *
   * @param trouble of the same kind so far
   */
  async renew(needed: TokenNeeded, trouble: Trouble | undefined): Promise<Trouble | undefined> {
    const held = this.#run.state.token;
    if (held === undefined || needed.epoch >= held.epoch) await this.#refresh(needed.epoch);
    if (needed.refused) return undefined;
    // Nothing is waited for the first time, and no delay is drawn: the random numbers of recorded histories stay in step.
    if (trouble === undefined) return addTrouble(undefined, 'tokenEndpoint', this.#run.steering.clock);
    const next = this.#nextTry(trouble);
    await this.#wait(next, detailOf(needed));
    return next.trouble;
  }

  /**
   * Whether a token that was good, and is refused, may be another one in a moment: whoever renews it is late. Before the
   * job is accepted nothing is lost, and somebody may wait to hear that the token is wrong.
   */
  #mayBeReplaced(): boolean {
    const { token, job } = this.#run.state;
    return token?.isRenewed === true && job.accepted;
  }

  /**
   * Whether a new token that is refused may be good in a moment: clocks that differ by a second make it one of the future,
   * and replicas hear of it late. Credentials that never end come from no token endpoint, and are not new.
   */
  #mayBeEarly(epoch: number, refusals: number): boolean {
    const held = this.#run.state.token;
    const isNew = held?.refreshAt !== undefined && refusals <= 1 + TRIES_OF_A_NEW_TOKEN;
    return isNew && epoch >= held.epoch && patched('new-tokens-may-be-early');
  }

  /** Whether the token was good at that time, and is to be renewed by now. */
  #endedSince(time: number): boolean {
    const refreshAt = this.#run.state.token?.refreshAt;
    return refreshAt !== undefined && refreshAt > time && refreshAt <= Date.now();
  }

  async #refresh(newerThan: number): Promise<void> {
    const { state, request } = this.#run;
    const types = request.parameters?.['_type'];
    let trouble: Trouble | undefined;
    for (;;) {
      const result = await step('token').refreshToken({
        server: request.server,
        request: {
          level: request.level,
          parameters: types === undefined ? undefined : { _type: types },
          attachments: request.attachments,
        },
        ...(state.token === undefined ? {} : { scope: state.token.scope }),
        newerThan,
      });
      if (!hasKind(result)) throw noAnswer('refreshToken');
      if (result.kind === 'token') {
        const { epoch, scope, expiresIn, lifetime, isRenewed, missing, leftOut = [], uncovered = [] } = result;
        state.token = {
          epoch,
          scope,
          refreshAt:
            expiresIn === undefined ? undefined : Date.now() + expiresIn - refreshMargin(lifetime ?? expiresIn),
          ...(isRenewed === true ? { isRenewed } : {}),
        };
        this.#warn('Not granted', missing);
        this.#warn('Unknown to the server, so not asked for', leftOut);
        this.#warn('Not in the configured scope', uncovered);
        return;
      }
      this.#run.slots.heard(result);
      const next = this.#nextTry(trouble, result.retryAfter);
      trouble = next.trouble;
      await this.#wait(next, detailOf(result));
    }
  }

  #nextTry(trouble: Trouble | undefined, retryAfter?: number): NextTry {
    const { limits, steering } = this.#run;
    return nextTry(trouble, { cause: 'tokenEndpoint', retryAfter }, limits, steering.clock);
  }

  async #wait(next: NextTry, detail: string, what = 'no token could be obtained'): Promise<void> {
    const { poll } = this.#run.state.job;
    this.trouble = detail;
    poll.detail = detail;
    if (next.kind === 'final') throw failure('AuthorizationFailed', `${what}: ${detail}`);
    await this.#run.waitUntil(next.at, `token again in ${secondsUntil(next.at)} s`);
    delete poll.detail;
  }

  #warn(what: string, types: readonly string[]): void {
    if (types.length === 0) return;
    const names = types.map((type) => (type === '*' ? 'all other types' : type));
    const list =
      names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ');
    addWarnings(this.#run.state, [{ code: 'ScopeNarrower', message: `${WARNINGS.ScopeNarrower} ${what}: ${list}.` }]);
  }
}

function isTokenNeeded(result: { kind: string }): result is TokenNeeded {
  return result.kind === 'tokenNeeded';
}

/** As every worker's answer of the steps here. */
function hasKind(answer: unknown): boolean {
  return isObject(answer) && typeof answer['kind'] === 'string';
}
