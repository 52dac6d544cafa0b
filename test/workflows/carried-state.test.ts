import { expect, test } from 'vitest';
import type { TroubleCause } from '../../src/fhir/trouble.ts';
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
  const carried = JSON.parse(JSON.stringify(pack(state))) as ReturnType<typeof pack>;
  expect(unpack(carried)).toEqual(state);
});

test('none is fetched earlier, and hardly later', () => {
  const { downloads } = unpack(pack(stateWith([retry(1, { notBefore: NOW + 1 })])));
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
  const carried = pack(stateWith(retries));
  expect(JSON.stringify({ ...carried, attachments: undefined }).length).toBeLessThan(48 * 1024);
});

test('files one by one, as earlier runs handed them on, are understood', () => {
  const state = stateWith([retry(1), retry(2)]);
  expect(unpack(state)).toEqual(state);
});
