import { describe, expect, test } from 'vitest';
import { collectGarbage } from '../support/collect-garbage.ts';
import { LONGEST_HELD_LINE } from '../../src/fhir/ndjson.ts';
import type { LineCounts } from '../../src/fhir/ndjson.ts';
import { PATIENT, encoder, checkerOf, check, verdictOf } from './line-verdicts.ts';

describe(`a line longer than ${LONGEST_HELD_LINE} bytes`, () => {
  const filler = 'x'.repeat(LONGEST_HELD_LINE);
  const whole = `{"resourceType":"Patient","text":"${filler}"}`;

  /** The verdict, however the line is cut: in one, in parts that are as usual, and with odd ends. */
  function longVerdict(text: string, type: string | null = 'Patient'): string | LineCounts {
    const bytes = encoder.encode(text);
    const cutAt = (...borders: number[]): Uint8Array[] =>
      [0, ...borders].map((start, index) => bytes.subarray(start, borders[index] ?? bytes.length));
    const found = check([bytes], type);
    const usual = Array.from({ length: Math.floor(bytes.length / 65_536) }, (_, index) => (index + 1) * 65_536);
    for (const pieces of [cutAt(...usual), cutAt(1, 300), cutAt(5, bytes.length - 3)]) {
      expect(check(pieces, type)).toEqual(found);
    }
    expect(check(cutAt(...usual), type, 'full')).toEqual(found);
    return found;
  }

  test('passes when it is right, wherever its type is', () => {
    const last = `{"a":[{"resourceType":"Group"}],"text":"${filler}","b":{"resourceType":"X"},"resourceType":"Patient"}`;
    for (const text of [`${whole}\n`, whole, `\ufeff ${whole}  \r\n`, `${last}\n`]) {
      expect(longVerdict(text)).toEqual({ records: 1, headers: 0 });
    }
  });

  test('is told from its neighbours', () => {
    expect(longVerdict(`${PATIENT}\n${whole}\n${PATIENT}\n`)).toEqual({ records: 3, headers: 0 });
    expect(longVerdict(`${whole}\n{}\n`)).toBe('line 2 has no resourceType');
  });

  test.each<[string, string]>([
    [whole.slice(0, -1), 'is not JSON'],
    [`${whole}${PATIENT}`, 'is not JSON'],
    [`${whole.slice(0, -1)},}`, 'is not JSON'],
    [whole.replace('Patient', 'Group'), 'is Group instead of Patient'],
    [`{"text":"${filler}","a":{"resourceType":"Patient"}}`, 'has no resourceType'],
    [`{"text":"${filler}","resourceType":["Patient"]}`, 'has no resourceType'],
    [`["${filler}"]`, 'is not a JSON object'],
    [`<${filler}>`, 'is not JSON'],
    [`{"a":${'['.repeat(LONGEST_HELD_LINE)}`, 'is nested deeper than 1000 levels'],
  ])('fails when it is wrong: case %#', (line, fault) => {
    expect(longVerdict(`${PATIENT}\n${line}\n`)).toBe(`line 2 ${fault}`);
  });

  test('may be a block header, or blank', () => {
    expect(longVerdict(`${whole.replace('Patient', 'Parameters')}\n`, null)).toEqual({ records: 1, headers: 1 });
    const blank = `${' '.repeat(LONGEST_HELD_LINE)} \n${PATIENT}\n`;
    expect(check([encoder.encode(blank)], 'Patient')).toEqual({ records: 1, headers: 0 });
  });

  test.each<[string, () => string]>([
    ['one text', () => 'x'.repeat(2 ** 20)],
    ['many objects', () => ['', ...Array<string>(2 ** 14).fill('{"system":"http://a.example","code":"1"}')].join(',')],
    ['escapes', () => '\\n'.repeat(2 ** 18)],
  ])('is not held in memory: %s', (what, piece) => {
    const checker = checkerOf('Patient');
    const chunk = encoder.encode(piece());
    const [before, after] = what === 'many objects' ? ['[0', ']}\n'] : ['"', '"}\n'];
    checker.push(encoder.encode(`{"resourceType":"Patient","text":${before}`));
    collectGarbage();
    const start = process.memoryUsage();
    for (let bytes = 0; bytes < 24 * 2 ** 20; bytes += chunk.length) checker.push(chunk);
    collectGarbage();
    const end = process.memoryUsage();
    expect(end.arrayBuffers - start.arrayBuffers).toBeLessThan(6 * 2 ** 20);
    expect(end.heapUsed - start.heapUsed).toBeLessThan(6 * 2 ** 20);
    expect(checker.push(encoder.encode(after))).toBeUndefined();
    expect(verdictOf(checker)).toEqual({ records: 1, headers: 0 });
  });

  test('that comes byte by byte costs no more than its bytes', () => {
    const checker = checkerOf('Patient');
    const byte = encoder.encode('x');
    checker.push(encoder.encode('{"resourceType":"Patient","text":"'));
    const before = process.memoryUsage();
    for (let bytes = 0; bytes < 2 ** 21; bytes++) checker.push(byte);
    const after = process.memoryUsage();
    expect(after.heapUsed - before.heapUsed + after.external - before.external).toBeLessThan(40 * 2 ** 20);
  });

  test('just short of it is parsed as a whole', () => {
    const text = '{"resourceType": "Patient","text":""}';
    const line = text.replace('""', `"${'x'.repeat(LONGEST_HELD_LINE - text.length)}"`);
    expect(line).toHaveLength(LONGEST_HELD_LINE);
    expect(longVerdict(`${line}\n`)).toEqual({ records: 1, headers: 0 });
    expect(longVerdict(line)).toEqual({ records: 1, headers: 0 });
    expect(longVerdict(`${line} \n`)).toEqual({ records: 1, headers: 0 });
  });
});
