import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ExportRequest } from '../../src/contract.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { Steering } from '../../src/workflows/steering.ts';
import { newState } from '../../src/workflows/state.ts';
import { TokenKeeper } from '../../src/workflows/token-keeper.ts';
import { wait } from '../../src/workflows/wait.ts';

const condition = vi.hoisted(() => vi.fn(async (isTrue: () => boolean) => isTrue()));
vi.mock('@temporalio/workflow', async (original) => ({ ...(await original<object>()), condition }));

afterEach(() => vi.restoreAllMocks());

/**
 * What a replay compares only later: the numbers of timers, and the random numbers of delays. Exports that began with an
 * earlier version have used up theirs.
 */
describe('an export of an earlier version stays in step', () => {
  test('a wait for a time takes a timer, also when its condition is true already', async () => {
    condition.mockClear();
    expect(await wait({ until: Date.now() + 60_000, unless: () => true })).toBe(true);
    expect(condition).toHaveBeenCalledTimes(1);
    expect(condition).toHaveBeenCalledWith(expect.any(Function), expect.any(Number), {});
  });

  test('a time that is over takes none', async () => {
    condition.mockClear();
    expect(await wait({ until: Date.now(), unless: () => true })).toBe(true);
    expect(await wait({ until: Date.now() })).toBe(false);
    expect(condition).not.toHaveBeenCalled();
  });

  test('a token that had ended draws no delay the first time, and one each later time', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const state = newState(0);
    state.token = { epoch: 2, scope: '' };
    const request: ExportRequest = { server: 'hospital', level: 'system' };
    const opened = { needsToken: true } as ConstructorParameters<typeof TokenKeeper>[0]['opened'];
    const keeper = new TokenKeeper({
      request,
      state,
      opened,
      limits: LIMITS,
      steering: new Steering(state),
      slots: { heard: () => {} },
      waitUntil: async () => {},
    });
    const needed = { kind: 'tokenNeeded', epoch: 1, refused: false, detail: 'the token has expired' } as const;

    const first = await keeper.renew(needed, undefined);
    expect(first).toMatchObject({ cause: 'tokenEndpoint', times: 1 });
    expect(random).not.toHaveBeenCalled();
    expect(await keeper.renew(needed, first)).toMatchObject({ times: 2 });
    expect(random).toHaveBeenCalledTimes(1);
  });
});
