import { expect, test } from 'vitest';
import { nextDue } from '../../../src/policy/gate/decide.ts';
import { pack, unpack } from '../../../src/policy/gate/carry.ts';
import { describeGate, reportOf } from '../../../src/policy/gate/describe.ts';
import { leave } from '../../../src/policy/gate/receive.ts';
import { readAsk, readGrant, readName } from '../../../src/policy/gate/read-messages.ts';
import { beginSearch, doubt, endSearch } from '../../../src/policy/gate/search.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, ask, emptyGate, holders, say } from './asks.ts';

const many = (count: number, length: number) =>
  Array.from({ length: count }, (_, index) => ask(`${index}`.padStart(length, 'x'), { since: NOW + index }));

test('what anybody may signal is read, or not heeded', () => {
  for (const junk of [undefined, null, 'x', 7, [], {}, { workflowId: 'a' }, { workflowId: '', firstRunId: 'b' }]) {
    expect([readAsk(junk), readGrant(junk), readName(junk)]).toEqual([undefined, undefined, undefined]);
  }
  for (const wrong of [{ slot: 'all' }, { turn: '1' }, { since: NaN }, { uses: -1 }, { heard: null }]) {
    expect(readAsk({ ...ask('a'), ...wrong })).toBeUndefined();
  }
  expect(readAsk({ ...ask('a'), more: 1 })).toEqual(ask('a'));
  expect(readAsk({ ...ask('a'), weight: 0, limits: { exports: 0, downloads: 'x' }, priority: 'high' })).toEqual(
    ask('a', { weight: 0.001, limits: {} }),
  );
});

test('a state is carried in payloads below 64 KiB, with everybody who holds a slot, however many wait', () => {
  const gate = emptyGate();
  const asks = many(1000, 900);
  say(gate, [...asks.slice(1), { ...(asks[0] as (typeof asks)[0]), slot: 'held' as const, since: NOW + 9999 }]);
  const packed = pack(gate);
  for (const part of packed) expect(JSON.stringify(part).length).toBeLessThan(64 * 1024);
  const [carried, ...parts] = packed;
  const restored = unpack(carried, parts);
  expect(holders(restored)).toEqual(holders(gate));
  // The first of those that wait are kept.
  const first = restored.members.filter(({ slot }) => slot === 'wanted').map(({ since }) => since);
  expect(first.length).toBeGreaterThan(300);
  expect(Math.max(...first)).toBeLessThan(NOW + first.length + 2);
});

test('a state of hundreds is carried in full', () => {
  const gate = emptyGate();
  say(gate, many(500, 30));
  const [carried, ...parts] = pack(gate);
  expect(unpack(carried, parts).members).toHaveLength(500);
});

test('exports that were not heard are looked for, those that hold slots first; what does not run leaves', () => {
  const gate = emptyGate();
  say(gate, many(300, 4));
  const then = NOW + LIMITS.gateSweep;
  say(gate, [ask('heard')], then);
  const sought = beginSearch(gate, then, LIMITS);
  expect(sought).toHaveLength(200);
  expect(sought[0]?.workflowId).toBe(holders(gate)[0]);
  expect(sought.map(({ workflowId }) => workflowId)).not.toContain('heard');
  endSearch(gate, sought, [0], then);
  expect(holders(gate)).toEqual([]);
  // The others of them run: the next search looks for the rest.
  expect(beginSearch(gate, then, LIMITS)).toHaveLength(100);
});

test('those who come first are kept, also where keys take turns', () => {
  const gate = emptyGate();
  // Of one key thousands came first, and one of another key is the next.
  say(gate, [...many(1000, 900), ask('late', { since: NOW + 5000, fairnessKey: 'other' })]);
  const [carried, ...parts] = pack(gate);
  const names = unpack(carried, parts).members.map(({ workflowId }) => workflowId);
  expect(names.length).toBeLessThan(1001);
  expect(names).toContain('late');
});

test('an export that says what is known, and knows how it stands, is not answered', () => {
  const gate = emptyGate();
  say(gate, [ask('a'), ask('b')]);
  expect(say(gate, [ask('a', { turn: 2, heard: 1, slot: 'held' }), ask('b', { turn: 2, heard: 1 })])).toEqual([]);
  // It has not heard what it was told.
  expect(say(gate, [ask('b', { turn: 3, heard: 0 })])).toHaveLength(1);
  // There are more that wait now.
  say(gate, [ask('c')]);
  expect(say(gate, [ask('b', { turn: 4, heard: 2 })])[0]?.grant).toMatchObject({ place: 1, waiting: 2 });
});

test('a gate of an earlier version answers all, as its history says', () => {
  const gate = { ...emptyGate(), answersNews: false };
  say(gate, [ask('a')]);
  expect(say(gate, [ask('a', { turn: 2, heard: 1, slot: 'held' })])).toHaveLength(1);
});

test('an export is told when there is no limit of downloads any more', () => {
  const gate = emptyGate();
  const downloads = { slot: 'none', downloading: true } as const;
  say(gate, [
    ask('a', { ...downloads, limits: { downloads: 1 } }),
    ask('b', { ...downloads, limits: { downloads: 1 } }),
  ]);
  const told = say(gate, [ask('a', { ...downloads, turn: 2, heard: 1, uses: 1, limits: {} })]);
  expect(told.map(({ workflowId, grant }) => [workflowId, grant.downloads])).toEqual([
    ['a', undefined],
    ['b', undefined],
  ]);
});

test('parts are as small when ids are not ASCII', () => {
  const gate = emptyGate();
  say(
    gate,
    many(200, 4).map((one) => ({ ...one, workflowId: `${'中'.repeat(300)}${one.workflowId}` })),
  );
  for (const part of pack(gate)) expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(64 * 1024);
});

test('a message of the far future is not heeded: it would make the gate deaf', () => {
  const gate = emptyGate();
  say(gate, [ask('a'), ask('b')]);
  say(gate, [ask('a', { turn: 1e300, slot: 'none' }), ask('c', { turn: 1e300, limits: { exports: 9 } })]);
  expect([gate.limits, holders(gate)]).toEqual([{ exports: 1 }, ['a']]);
  // Of an export whose clock was wrong for a while, limits do not stay for as long.
  say(gate, [ask('a', { turn: NOW + 3_600_000, slot: 'held', limits: { exports: 9 } })]);
  say(gate, [ask('b', { turn: NOW + 1000, limits: { exports: 2 } })], NOW + 1000);
  expect(gate.limits).toEqual({ exports: 2 });
});

test('what somebody says in the name of an export makes it deaf no longer than until it asks again', () => {
  const gate = emptyGate();
  say(gate, [ask('a'), ask('b')]);
  // It takes no number that is so far ahead of what it has heard, and nothing that it says is newer.
  say(gate, [ask('b', { turn: NOW + 3_600_000, heard: 5_000_000 })]);
  const [told] = say(gate, [ask('b', { turn: NOW + 1, heard: 1 })], NOW + 1000);
  expect(told?.grant).toMatchObject({ number: 2, turn: NOW + 1, place: 1 });
  expect(say(gate, [ask('b', { turn: NOW + 2, slot: 'none' })], NOW + 1000)).toEqual([]);
  expect(gate.members).toHaveLength(1);
});

test('a time that has no name fails nothing', () => {
  const gate = emptyGate();
  say(gate, [ask('a', { since: 1e300 })]);
  expect(describeGate(reportOf(gate, 'hospital', NOW))).toContain('since +275760');
});

test.each(['by its own word', 'when it is over'])('what an export said before it left comes late: %s', (how) => {
  const gate = emptyGate();
  const wanted = ask('a', { turn: 3 });
  say(gate, [wanted]);
  if (how === 'when it is over') leave(gate, wanted);
  else say(gate, [{ ...wanted, turn: 4, slot: 'none' }]);
  expect(say(gate, [wanted, ask('a', { turn: 2, slot: 'held' })])).toEqual([]);
  expect(gate.members).toEqual([]);
  say(gate, [ask('a', { turn: 5 })]);
  expect(holders(gate)).toEqual(['a']);
  // Nor is it carried to the next run.
  expect(Object.keys(pack(gate)[0])).not.toContain('leavers');
});

test('of those that have left only so many are remembered', () => {
  const gate = emptyGate();
  for (const one of many(300, 4)) say(gate, [one, { ...one, turn: 2, slot: 'none' }]);
  expect(gate.leavers).toHaveLength(200);
});

test('an export that could not be told is looked for at once', () => {
  const gate = emptyGate();
  say(gate, [ask('a'), ask('b')]);
  expect(beginSearch(gate, NOW + 1000, LIMITS)).toEqual([]);
  doubt(gate, [ask('a'), ask('nobody')]);
  expect(nextDue(gate, NOW + 1000, LIMITS)).toBeLessThan(NOW + 1000);
  // While a search is under way the gate need not look each second whether it may begin another.
  expect(nextDue(gate, NOW + 1000, LIMITS, true)).toBeGreaterThan(NOW + 1000);
  expect(beginSearch(gate, NOW + 1000, LIMITS).map(({ workflowId }) => workflowId)).toEqual(['a']);
});

test('its report is small and names who has what', () => {
  const gate = emptyGate();
  say(gate, many(500, 900));
  const report = reportOf(gate, 'hospital', NOW);
  expect(report).toMatchObject({ held: { count: 1 }, waiting: { count: 499 }, maxConcurrentExports: 1 });
  expect(report.waiting.exports[1]).toMatchObject({ place: 2 });
  expect(JSON.stringify(report).length).toBeLessThan(64 * 1024);
  expect(describeGate(report).length).toBeLessThan(20_000);
  expect(describeGate(reportOf(say2(), 'hospital', NOW))).toContain('`Group/1`');
});

function say2() {
  const gate = emptyGate();
  say(gate, [ask('a', { pool: 'Group/1' }), ask('b', { pool: 'Group/1' })]);
  return gate;
}
