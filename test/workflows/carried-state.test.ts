import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import type { TroubleCause } from '../../src/policy/trouble.ts';
import type { CarriedState } from '../../src/workflows/carried-state.ts';
import { pack, unpack } from '../../src/workflows/carried-state.ts';
import type { ExportState } from '../../src/workflows/state.ts';
import { addWarnings, newDownloads, newState } from '../../src/workflows/state.ts';

const NOW = 1_800_000_000_000;
const retry = (ordinal: number, more: { cause?: TroubleCause; since?: number; notBefore?: number } = {}) => {
  const { cause = 'content', since = NOW, notBefore = NOW } = more;
  return { ordinal, trouble: { cause, since, times: 1 }, notBefore };
};

function stateWith(retries: ReturnType<typeof retry>[]): ExportState {
  const downloads = { ...newDownloads(0, 64, NOW), retries };
  const state = newState(NOW);
  return { ...state, job: { ...state.job, downloads, attachments: { ...attachments, downloads } } };
}

function withoutAttachments({ job, ...state }: CarriedState): CarriedState {
  return { ...state, job: { ...job, attachments: undefined } };
}

const attachments = { first: 500, end: 500, tokenIsGood: false };

test('files to be fetched again come out as they went in', () => {
  const state = stateWith([
    ...[1, 2, 3, 7].map((ordinal) => retry(ordinal)),
    ...[4, 8].map((ordinal) => retry(ordinal, { cause: 'outage' })),
    retry(9, { since: NOW - 1 }),
  ]);
  const carried = JSON.parse(JSON.stringify(pack(state, 'run'))) as ReturnType<typeof pack>;
  expect(unpack(carried)).toEqual(state);
});

test('a list of warnings that is full still takes a code that is new', () => {
  const state = newState(NOW);
  const lines = Array.from({ length: 60 }, (_, line) => ({ code: 'ParameterIgnored', message: `${line}` }) as const);
  addWarnings(state, lines);
  expect(state.warnings).toEqual(lines.slice(0, 50));
  const late = [{ code: 'AuditIncomplete', message: 'the first' } as const, lines[55] as (typeof lines)[0]];
  addWarnings(state, [...late, { code: 'AuditIncomplete', message: 'another one' }]);
  expect(state.warnings.slice(50)).toEqual(late.slice(0, 1));
});

test('none is fetched earlier, and hardly later', () => {
  const { downloads } = unpack(pack(stateWith([retry(1, { notBefore: NOW + 1 })]), 'run')).job;
  expect(downloads?.retries[0]?.notBefore).toBe(NOW + 10_000);
});

test('the state stays small when everything in flight has failed, each file at a time of its own', () => {
  const retries = [];
  for (let batch = 0; batch < 64; batch++) {
    for (let file = 0; file < 100; file += 2) {
      const notBefore = NOW + batch * 1000 + ((file * 7919) % 2000);
      retries.push(retry(100_000 + batch * 100 + file, { cause: 'outage', since: NOW + batch * 1000, notBefore }));
    }
  }
  const carried = pack(stateWith(retries), 'run');
  expect(JSON.stringify(withoutAttachments(carried)).length).toBeLessThan(48 * 1024);
});

test.each([
  ['at one time', () => 0],
  ['each at a time of its own, over a day', (place: number) => (place * 7919 * 1000) % 86_400_000],
])('the state stays small when as many files wait as may, scattered over a million, %s', (_, later) => {
  const retries = Array.from({ length: LIMITS.mostRetries }, (_, place) => ({
    ...retry(place * 66 + ((place * 31) % 60), {
      cause: 'outage',
      since: NOW + later(place),
      notBefore: NOW + (place % 300_000),
    }),
  }));
  for (const [place, one] of retries.entries())
    Object.assign(one.trouble, { times: 1 + (place % 40), reached: place * 1000 });
  const carried = pack(stateWith(retries), 'run');
  expect(JSON.stringify(withoutAttachments(carried)).length).toBeLessThan(60 * 1024);
  const { downloads } = unpack(carried).job;
  const back = new Map(downloads?.retries.map((one) => [one.ordinal, one]));
  expect(back.size).toBe(LIMITS.mostRetries);
  const wrong = retries.filter(({ ordinal, trouble, notBefore }) => {
    const { trouble: then, notBefore: due = 0 } = back.get(ordinal) ?? {};
    const [longer, wait] = [(then?.since ?? 0) - trouble.since, due - notBefore];
    return !(longer >= 0 && longer < 15 * 60_000 && wait >= 0 && wait < 5 * 60_000);
  });
  expect(wrong).toEqual([]);
});

describe('states of earlier versions, as they are in histories, are understood', () => {
  const poll = { polls: 3, notBefore: 1_795_443_503_685, backoffs: 1 };
  const counts = { done: 16, failed: 0, again: { link: 3 }, window: 16, holdUntil: 0, busyTimes: 0, reading: 0 };
  const manifest = { pages: 1, entries: 31, transactionTime: '2026-11-23T14:18:20.569Z', requiresAccessToken: false };
  const trouble = { cause: 'link' as const, since: 1_795_443_503_955, times: 1 };
  const first = { startedAt: 1_795_443_500_415, phase: 'downloading' as const, restarted: false, warnings: [] };
  const some = { cursor: 31, planned: [[19, 20] as const], seen: {}, startedAt: 1_795_443_503_753, ...counts };

  test('0.1.0: a flat state, ranges, `words`', () => {
    const old = {
      ...first,
      generation: 2,
      accepted: true,
      complete: true,
      poll: { ...poll, words: 'busy' },
      manifest,
      downloads: {
        ...some,
        retries: [{ files: [5, [6, 8] as const], trouble, notBefore: 1_795_443_510_000 }],
        words: 'HTTP 404',
      },
      attachments: {
        first: 500,
        end: 531,
        tokenIsGood: false,
        downloads: { ...some, retries: [], words: 'HTTP 503' },
      },
    };
    const retries = [5, 6, 7].map((ordinal) => ({ ordinal, trouble, notBefore: 1_795_443_510_000 }));
    expect(unpack(old)).toEqual({
      ...first,
      job: {
        generation: 2,
        accepted: true,
        complete: true,
        poll: { ...poll, detail: 'busy' },
        manifest,
        downloads: { ...some, retries, detail: 'HTTP 404' },
        attachments: {
          first: 500,
          end: 531,
          tokenIsGood: false,
          downloads: { ...some, retries: [], detail: 'HTTP 503' },
        },
      },
    });
  });

  test('0.2.0-dev: a flat state that names its run, packed ordinals, `poked`', () => {
    const old = {
      ...first,
      fromRun: '01a2115a-a70f-7614-882e-e1d970113823',
      token: { epoch: 1_795_443_500_500, scope: 'system/*.rs' },
      generation: 1,
      accepted: true,
      complete: false,
      poll,
      manifest,
      downloads: {
        ...some,
        retries: [{ files: 'K', trouble, notBefore: 1_795_443_510_000 }],
        secondPass: true as const,
      },
      poked: true as const,
      wokenAt: 1_795_443_503_999,
      stillSince: 1_795_443_503_955,
    };
    const { fromRun: _, poked: __, generation, accepted, complete, downloads, ...rest } = old;
    const { poll: ___, manifest: ____, ...state } = rest;
    expect(unpack(old)).toEqual({
      ...state,
      pollRequested: true,
      job: {
        generation,
        accepted,
        complete,
        poll,
        manifest,
        downloads: { ...downloads, retries: [{ ordinal: 5, trouble, notBefore: 1_795_443_510_000 }] },
      },
    });
  });
});

test('files one by one, as earlier runs handed them on, are understood', () => {
  const state = stateWith([retry(1), retry(2)]);
  expect(unpack(state)).toEqual(state);
});
