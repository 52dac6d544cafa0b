import { expect, test } from 'vitest';
import { cutAnywhere, seededRandom } from '../support/random.ts';
import { PATIENT, bytesOf, checkerOf, check, verdictOf } from './line-verdicts.ts';

test('no chunk border changes the verdict on any file', () => {
  const random = seededRandom(5);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const good = [PATIENT, PATIENT, ' ', '', `\t${PATIENT} `, '{"id":"€","resourceType":"Patient"}'];
  const bad = [
    '{"resourceType":"Group"}',
    '{}',
    '[]',
    PATIENT.slice(0, -1),
    '<p>',
    '{"a":\ud800',
    [0xc3],
    [0xff, 0x22],
  ];
  const verdicts = new Set<string>();
  for (let round = 0; round < 3000; round++) {
    const lines = Array.from({ length: 1 + Math.floor(random() * 8) }, () => [
      random() < 0.06 ? pick(bad) : pick(good),
      pick(['\n', '\n', '\r\n']),
    ]).flat();
    if (random() < 0.1) lines.unshift('\ufeff');
    if (random() < 0.3) lines.pop();
    let whole = bytesOf(...lines);
    if (random() < 0.2) whole = whole.slice(0, Math.floor(random() * whole.length));
    const type = random() < 0.8 ? 'Patient' : null;
    const expected = check([whole], type);
    verdicts.add(typeof expected === 'string' ? expected.replace(/^line \d+/, '') : 'right');
    expect(check(cutAnywhere(whole, random), type)).toEqual(expected);
  }
  expect(verdicts.size).toBeGreaterThanOrEqual(8);
});

test('the verdict is the one that the lines were made for, whatever their lengths and whatever memory they lie in', () => {
  const random = seededRandom(11);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const long = (): string => pick(['x', 'ü', '€', '😀', '\\"']).repeat(Math.floor(random() ** 4 * 60_000));
  const good: ((type: string) => string)[] = [
    (type) => `{"resourceType":"${type}"}`,
    (type) => `{"resourceType":"${type}","text":"${long()}"}`,
    (type) => `{"resourceType":"${type}","a":{"b":[{}]}}`,
    (type) => `{"text":"${long()}","resourceType":"${type}"}`,
    (type) => ` {"resourceType" : "${type}" }\t`,
  ];
  const blank = ['', ' ', '\t '];
  const bad: [(type: string) => string, string][] = [
    [(type) => `{"resourceType":"${type}s","text":"${long()}"}`, 'instead of'],
    [(type) => `{"resourceType":"${type.slice(1)}"}`, 'instead of'],
    [(type) => `{"resourceType":"${type}","text":"${long()}"`, 'is not JSON'],
    [(type) => `{"resourceType":"${type}"},`, 'is not JSON'],
    [(type) => `{"resourceType":"${type}`, 'is not JSON'],
    [() => long() || 'x', 'is not JSON'],
    [(type) => `"${type}"`, 'is not a JSON object'],
    [() => '{"a":"b"}', 'has no resourceType'],
  ];
  for (let round = 0; round < 600; round++) {
    const type = pick(['Patient', 'Observation', 'X', 'MedicationAdministration']);
    const lines = Array.from({ length: Math.floor(random() * 30) }, () =>
      random() < 0.15 ? { text: pick(blank), records: 0 } : { text: pick(good)(type), records: 1 },
    );
    const [wrong, detail] = pick(bad);
    const at = random() < 0.5 ? Math.floor(random() * (lines.length + 1)) : undefined;
    if (at !== undefined) lines.splice(at, 0, { text: wrong(type), records: 1 });
    const ends = lines.map(() => pick(['\n', '\r\n']));
    if (random() < 0.3) ends[ends.length - 1] = '';
    const text = lines.map((line, n) => `${line.text}${ends[n]}`).join('');
    const bytes = Buffer.from(`${random() < 0.1 ? '\ufeff' : ''}${text}`);

    const checker = checkerOf(type);
    const most = Math.max(pick([1, 7, 100, 4096, 65_536]), bytes.length >> 8);
    for (let start = 0; start < bytes.length;) {
      const end = Math.min(bytes.length, start + Math.floor(random() * (most + 1)));
      // As they come from a socket: a piece of something larger, which is gone afterwards.
      const memory = Buffer.alloc(end - start + 20, '{"resourceType":"Y"}\n');
      const chunk = memory.subarray(10, 10 + bytes.copy(memory, 10, start, end));
      checker.push(chunk);
      chunk.fill(0x0a);
      start = end;
    }
    const verdict = verdictOf(checker);
    if (at === undefined)
      expect(verdict).toEqual({ records: lines.filter(({ records }) => records > 0).length, headers: 0 });
    else expect(verdict).toMatch(new RegExp(`^line ${at + 1} .*${detail}`));
  }
});

test('the memory of a chunk may be used again', () => {
  const checker = checkerOf('Patient');
  const memory = Buffer.alloc(16);
  const content = Buffer.from(`{"id":"1", "resourceType":"Patient","name":"ü€😀"}\n${PATIENT}\n${PATIENT}`);
  for (let start = 0; start < content.length; start += memory.length) {
    const length = content.copy(memory, 0, start);
    checker.push(memory.subarray(0, length));
  }
  expect(verdictOf(checker)).toEqual({ records: 3, headers: 0 });
});
