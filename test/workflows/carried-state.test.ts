import { expect, test } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import type { TroubleCause } from '../../src/policy/trouble.ts';
import { pack, unpack } from '../../src/workflows/carried-state.ts';
import type { ExportState } from '../../src/workflows/state.ts';
import { newDownloads, newState } from '../../src/workflows/state.ts';

const NOW = 1_800_000_000_000;
const retry = (ordinal: number, more: { cause?: TroubleCause; since?: number; notBefore?: number } = {}) => {
  const { cause = 'content', since = NOW, notBefore = NOW } = more;
  return { ordinal, trouble: { cause, since, times: 1 }, notBefore };
};

function stateWith(retries: ReturnType<typeof retry>[]): ExportState {
  const downloads = { ...newDownloads(0, 64, NOW), retries };
  return { ...newState(NOW), downloads, attachments: { ...attachments, downloads } };
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

test('none is fetched earlier, and hardly later', () => {
  const { downloads } = unpack(pack(stateWith([retry(1, { notBefore: NOW + 1 })]), 'run'));
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
  expect(JSON.stringify({ ...carried, attachments: undefined }).length).toBeLessThan(48 * 1024);
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
  expect(JSON.stringify({ ...carried, attachments: undefined }).length).toBeLessThan(60 * 1024);
  const { downloads } = unpack(carried);
  const back = new Map(downloads?.retries.map((one) => [one.ordinal, one]));
  expect(back.size).toBe(LIMITS.mostRetries);
  const wrong = retries.filter(({ ordinal, trouble, notBefore }) => {
    const { trouble: then, notBefore: due = 0 } = back.get(ordinal) ?? {};
    const [longer, wait] = [(then?.since ?? 0) - trouble.since, due - notBefore];
    return !(longer >= 0 && longer < 15 * 60_000 && wait >= 0 && wait < 5 * 60_000);
  });
  expect(wrong).toEqual([]);
});

test('ranges, as earlier versions handed them on, are understood', () => {
  const { trouble } = retry(0);
  const downloads = {
    ...newDownloads(0, 64, NOW),
    retries: [{ files: [3, [5, 7] as const], trouble, notBefore: NOW }],
  };
  const ordinals = unpack({ ...newState(NOW), downloads }).downloads?.retries.map(({ ordinal }) => ordinal);
  expect(ordinals).toEqual([3, 5, 6]);
});

test('files one by one, as earlier runs handed them on, are understood', () => {
  const state = stateWith([retry(1), retry(2)]);
  expect(unpack(state)).toEqual(state);
});
