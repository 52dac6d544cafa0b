import { describe, expect, test } from 'vitest';
import type { KnownEntry } from '../../src/fhir/renewed-entries.ts';
import { matchEntries } from '../../src/fhir/renewed-entries.ts';
import { seededRandom } from '../support/random.ts';

const file = (url: string, more: Partial<KnownEntry> = {}): KnownEntry => ({
  kind: 'output',
  type: 'Patient',
  count: 10,
  url: `https://files.example/${url}`,
  ...more,
});
const matched = (before: KnownEntry[], after: KnownEntry[], isSameMoment = true) => {
  const renewal = matchEntries(before, after, isSameMoment);
  return renewal.kind === 'other' ? renewal : { kind: renewal.kind, places: renewal.places };
};

test.each([
  [true, 'several links of which nothing stays', ['a1', 'b1'], ['a2', 'b2']],
  [true, 'several that share a URL but for a query of which nothing stays', ['a?t=1', 'a?t=2'], ['a?t=3', 'a?t=4']],
  [false, 'one such link', ['a1'], ['a2']],
  [false, 'links that differ in their queries only', ['a?t=1', 'b?t=2'], ['a?t=3', 'b?t=4']],
  [false, 'links a part of which stays', ['s1/a', 's2/b'], ['s3/a', 's4/b']],
])('%s: by their order alone are told apart %s', (byOrder, _, before, after) => {
  expect(
    matchEntries(
      before.map((url) => file(url)),
      after.map((url) => file(url)),
      true,
    ),
  ).toEqual({ kind: 'same', places: before.map((_url, place) => place), byOrder });
});

describe('by URL without query, where that is the same set', () => {
  test('in another order, whatever type and count say', () => {
    const before = [file('a?sig=1'), file('b?sig=1'), file('c?sig=1', { type: 'Condition' })];
    const after = [file('c?sig=2', { type: 'Condition' }), file('b?sig=3'), file('a?sig=4')];
    expect(matched(before, after)).toEqual({ kind: 'same', places: [2, 1, 0] });
    // Some servers give the time of the answer as transactionTime.
    expect(matched(before, after, false)).toEqual({ kind: 'same', places: [2, 1, 0] });
  });
  test.each([
    ['type', { type: 'Condition' }],
    ['count', { count: 11 }],
    ['count', { count: undefined as never }],
    ['length', { length: 5 }],
    ['sha256', { sha256: 'f'.repeat(64) }],
  ] as const)('not when the %s of a file has changed: %o', (field, change) => {
    expect(matched([file('a'), file('b')], [file('b'), file('a', change)])).toEqual({
      kind: 'other',
      detail: `the ${field} of a file is not what it was`,
    });
  });
  test('each array has files of its own', () => {
    const before = [file('a'), file('a', { kind: 'deleted' }), file('e', { kind: 'error' })];
    const after = [file('e', { kind: 'error' }), file('a', { kind: 'deleted' }), file('a')];
    expect(matched(before, after)).toEqual({ kind: 'same', places: [2, 1, 0] });
    expect(matched(before, [file('a'), file('a'), file('e', { kind: 'error' })]).kind).toBe('other');
  });
});

describe('files that only the query tells apart', () => {
  const before = [file('get?id=1&sig=a'), file('get?id=2&sig=b'), file('get?id=3&sig=c'), file('one?sig=a')];
  test('are found by what stays of it', () => {
    const after = [file('one?sig=x'), file('get?sig=y&id=3'), file('get?id=1&sig=z'), file('get?id=2&sig=x')];
    expect(matched(before, after)).toEqual({ kind: 'same', places: [2, 3, 1, 0] });
  });
  test('are found by their order when all of it is new', () => {
    const after = [file('get?id=4&sig=y'), file('get?id=5&sig=z'), file('get?id=6&sig=x'), file('one?sig=x')];
    expect(matched(before, after)).toEqual({ kind: 'same', places: [0, 1, 2, 3] });
    expect(matched(before, after, false).kind).toBe('other');
  });
  test('are not found by a part of it that says two things', () => {
    const numbered = [file('get?id=1&at=1'), file('get?id=2&at=2')];
    expect(matched(numbered, [file('get?id=2&at=1'), file('get?id=1&at=2')]).kind).toBe('other');
  });
  test('are not guessed when some are the same and some are not', () => {
    expect(matched([file('get?x=1'), file('get?x=2')], [file('get?x=2'), file('get?x=3')]).kind).toBe('other');
  });
  test('in another order of their types, with nothing else that stays, are not found', () => {
    const typed = [file('get?type=P&t=1'), file('get?type=P&t=2'), file('get?type=C&t=3', { type: 'Condition' })];
    const renewed = [file('get?type=P&t=4'), file('get?type=C&t=5', { type: 'Condition' }), file('get?type=P&t=6')];
    expect(matched(typed, [renewed[0]!, renewed[2]!, renewed[1]!])).toEqual({ kind: 'same', places: [0, 1, 2] });
    expect(matched(typed, [renewed[1]!, renewed[0]!, renewed[2]!])).toEqual({ kind: 'same', places: [1, 2, 0] });
    expect(matched(typed, [file('get?type=P&t=1'), renewed[1]!, renewed[2]!]).kind).toBe('other');
  });
  test('and that are listed twice are one and the same', () => {
    expect(matched([file('a?s=1'), file('a?s=1')], [file('a?s=2'), file('a?s=2')])).toMatchObject({ kind: 'same' });
  });
  test('are not all the one file that is listed in place of them', () => {
    expect(matched([file('a?s=1'), file('a?s=2')], [file('a?s=3'), file('a?s=3')])).toEqual({
      kind: 'other',
      detail: 'it has files that cannot be distinguished',
    });
  });
  test('of another moment are not found by what stays: a job that was run again has files of the same numbers', () => {
    const [first, again] = ['1', '2'].map((job) => [file(`get?job=${job}&part=1`), file(`get?job=${job}&part=2`)]);
    expect(matched(first!, again!, false)).toEqual({ kind: 'other', detail: 'its transactionTime is not what it was' });
  });
  test('of another moment are found where only a signature is new', () => {
    const signed = (part: number, sig: string) => file(`get?part=${part}&X-Amz-Date=${sig}&X-Amz-Signature=${sig}`);
    const [before, after] = [[signed(1, 'a'), signed(2, 'b')], [signed(2, 'c'), signed(1, 'd')]]; // prettier-ignore
    expect(matched(before, after, false)).toEqual({ kind: 'same', places: [1, 0] });
  });
});

describe('by order, where every URL is new', () => {
  const before = [file('1'), file('2', { count: 7 }), file('3', { kind: 'deleted', type: undefined as never })];
  test('and everything else agrees at every place', () => {
    const after = [file('x', { kind: 'deleted', type: undefined as never }), file('y'), file('z', { count: 7 })];
    expect(matched(before, after)).toEqual({ kind: 'same', places: [1, 2, 0] });
  });
  test('not in another order', () => {
    const after = [file('y', { count: 7 }), file('z'), file('x', { kind: 'deleted', type: undefined as never })];
    expect(matched(before, after)).toEqual({ kind: 'other', detail: 'the count of a file is not what it was' });
  });
  test('not of another moment', () => {
    expect(matched([file('1')], [file('x')], false)).toEqual({
      kind: 'other',
      detail: 'its transactionTime is not what it was',
    });
  });
  test('not when one URL has stayed', () => {
    expect(matched([file('1'), file('2')], [file('x'), file('2')]).kind).toBe('other');
  });
});

describe('what stays of paths that are all new', () => {
  const signed = (sig: string, ...names: string[]) => names.map((name, at) => file(`${sig}${at}/${name}`));
  test('names the files, in whatever order they are listed', () => {
    const [before, after] = [signed('a', 'P.1.ndjson', 'P.2.ndjson'), signed('b', 'P.2.ndjson', 'P.1.ndjson')];
    expect(matched(before, after)).toEqual({ kind: 'same', places: [1, 0] });
    const [folders, turned] = [signed('a', '1/data', '2/data'), signed('x/b', '2/data', '1/data')];
    expect(matched(folders, turned)).toEqual({ kind: 'same', places: [1, 0] });
    const [queries, swapped] = [signed('a', 'get?id=1&s=1', 'get?id=2&s=2'), signed('b', 'get?id=2', 'get?id=1')];
    expect(matched(queries, swapped)).toEqual({ kind: 'same', places: [1, 0] });
  });
  test('names none of another moment: a job that was run again gives its files the same names', () => {
    const [before, after] = [signed('a', 'P.1.ndjson', 'P.2.ndjson'), signed('b', 'P.1.ndjson', 'P.2.ndjson')];
    expect(matched(before, after, false)).toEqual({ kind: 'other', detail: 'its transactionTime is not what it was' });
  });
  test('names them also for a count that contradicts their order', () => {
    const [one, two] = signed('a', 'P.1.ndjson', 'P.2.ndjson') as [KnownEntry, KnownEntry];
    const after = signed('b', 'P.2.ndjson', 'P.1.ndjson') as [KnownEntry, KnownEntry];
    expect(matched([{ ...one, count: 1 }, two], [after[0], { ...after[1], count: 1 }]).kind).toBe('same');
    expect(matched([{ ...one, count: 1 }, two], [{ ...after[0], count: 1 }, after[1]]).kind).toBe('other');
  });
  test.each([
    ['a word in a segment', ['P-1-xx', 'P-2-yy'], ['P-2-vv', 'P-1-ww']],
    ['a segment before the signature', ['1/xx', '2/yy'], ['2/vv', '1/ww']],
    ['one of a segment that several share', ['P/xx', 'P/yy', 'C/zz'], ['C/uu', 'P/vv', 'P/ww']],
    ['two that say two things', ['1/1/xx', '2/2/yy'], ['1/2/vv', '2/1/ww']],
    ['one of which some are new', ['xx/1', 'yy/2'], ['vv/2', 'ww/3']],
  ])('is not guessed at: %s', (_, before, after) => {
    const [was, is] = [before, after].map((urls) => urls.map((url) => file(url)));
    expect(matched(was!, is!).kind).toBe('other');
  });
  test.each([
    ['a word in a segment', ['P-1-xx', 'P-2-yy'], ['P-1-vv', 'P-2-ww']],
    ['a segment that several share', ['P/xx', 'P/yy', 'C/zz'], ['P/uu', 'P/vv', 'C/ww']],
  ])('may agree with the order: %s', (_, before, after) => {
    const [was, is] = [before, after].map((urls) => urls.map((url) => file(url)));
    expect(matched(was!, is!)).toEqual({ kind: 'same', places: before.map((_url, at) => at) });
  });
});

test('more or fewer files are other files', () => {
  expect(matched([file('1')], [file('1'), file('2')])).toEqual({
    kind: 'other',
    detail: 'it lists 2 files in place of 1',
  });
  expect(matched([file('1')], []).kind).toBe('other');
  expect(matched([], [])).toEqual({ kind: 'same', places: [] });
});

test('of any two lists: either nothing is said, or every file is found once, at an entry that agrees with it', () => {
  let same = 0;
  for (let seed = 0; seed < 4000; seed++) {
    const random = seededRandom(seed);
    const pick = (most: number): number => Math.floor(random() * most);
    // What a file is: its id. The server may show it in the path, in a part of it, in the query, or nowhere.
    const shown = (['path', 'query', 'last', 'between', 'first', 'word', 'nowhere'] as const)[pick(7)]!;
    let links = 0;
    const link = (id: number): string => {
      const sig = `s${links++}`;
      return {
        path: `f${id}?s=${sig}`,
        query: `get?s=${sig}&id=${id}`,
        last: `${sig}/f${id}`,
        between: `${sig}/f${id}/data`,
        first: `f${id}/${sig}`,
        word: `f-${id}-${sig}.ndjson`,
        nowhere: `get/${sig}`,
      }[shown];
    };
    const ids = Array.from({ length: 1 + pick(6) }, (_, id) => id);
    const kinds = ids.map(() => (['output', 'output', 'deleted'] as const)[pick(3)]!);
    const counts = ids.map(() => pick(2));
    const entry = (id: number): KnownEntry => file(link(id), { kind: kinds[id]!, count: counts[id]! });
    const before = ids.map(entry);
    const order = ids.map((id) => [random(), id] as const);
    if (pick(4) > 0) order.sort(([one], [other]) => one - other);
    if (pick(4) === 0) order.pop();
    const result = matched(before, order.map(([, id]) => id).map(entry), pick(4) > 0);
    if (result.kind === 'other') continue;
    same++;
    expect(new Set(result.places).size).toBe(before.length);
    const found = result.places.map((place) => order[place]![1]);
    // Where nothing shows it, files that agree in everything cannot be told apart by anybody.
    if (shown === 'nowhere') {
      const seen = (id: number): unknown => [kinds[id], counts[id]];
      expect(found.map(seen)).toEqual(ids.map(seen));
    } else expect(found).toEqual(ids);
  }
  expect(same).toBeGreaterThan(1000);
});
