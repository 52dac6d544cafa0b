import { isUtf8 } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { LONGEST_HELD_LINE, LineChecker } from '../../src/fhir/ndjson.ts';
import type { LineCounts, LineRules } from '../../src/fhir/ndjson.ts';
import { cutAnywhere, seededRandom } from './random.ts';

const PATIENT = '{"resourceType":"Patient","id":"ü€😀"}';
const encoder = new TextEncoder();

function bytesOf(...parts: (string | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...(typeof part === 'string' ? encoder.encode(part) : part)]));
}

function checkerOf(type: string | null, checks: LineRules['checks'] = 'fast'): LineChecker {
  return new LineChecker(
    { type: type ?? undefined, checks },
    { isUtf8, indexOf: (bytes, pattern, from) => Buffer.from(bytes).indexOf(pattern, from) },
  );
}

/** @param type null for any */
function check(pieces: readonly Uint8Array[], type: string | null, checks?: LineRules['checks']): string | LineCounts {
  const checker = checkerOf(type, checks);
  for (const piece of pieces) checker.push(piece);
  return checker.end();
}

/** The verdict on a file that comes in one chunk, and byte by byte. */
function verdict(
  content: string | Uint8Array,
  type: string | null = 'Patient',
  checks?: LineRules['checks'],
): string | LineCounts {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  const found = check([bytes], type, checks);
  const single = Array.from(bytes, (_, index) => bytes.slice(index, index + 1));
  expect(check(single, type, checks)).toEqual(found);
  return found;
}

describe('lines that are right', () => {
  test.each<[string, string, number]>([
    ['none at all', '', 0],
    ['one', `${PATIENT}\n`, 1],
    ['several', `${PATIENT}\n${PATIENT}\n${PATIENT}\n`, 3],
    ['with CRLF', `${PATIENT}\r\n${PATIENT}\r\n`, 2],
    ['with blank ones between', `\n${PATIENT}\n\n \t\r\n${PATIENT}\n\n`, 2],
    ['blank ones only', '\n\r\n  \n', 0],
    ['with spaces around', `  ${PATIENT}\t\n`, 1],
    ['after a byte order mark', `\ufeff${PATIENT}\n`, 1],
    ['of a byte order mark alone', '\ufeff\n', 0],
    ['the last without newline', `${PATIENT}\n${PATIENT}`, 2],
    ['the last without newline after CR', `${PATIENT}\n${PATIENT}\r`, 2],
    ['with resourceType not first', '{"id":"1","resourceType":"Patient"}\n', 1],
    ['with spaces within', '{ "resourceType" : "Patient" }\n', 1],
    ['with other types contained', '{"contained":[{"resourceType":"Group"}],"resourceType":"Patient"}\n', 1],
  ])('%s', (_what, text, records) => {
    expect(verdict(text)).toEqual({ records, headers: 0 });
  });

  test('of any type, when none is promised', () => {
    expect(verdict(`${PATIENT}\n{"id":"1","resourceType":"Ours"}\n`, null)).toEqual({ records: 2, headers: 0 });
  });

  test('count block headers where the output is organised', () => {
    const headers = '{"resourceType":"Parameters","parameter":[]}\n{ "resourceType": "Parameters" }\n';
    expect(verdict(`${headers}${PATIENT}\n${headers}`, null)).toEqual({ records: 5, headers: 4 });
    expect(verdict('{"resourceType":"Parameters"}\n', 'Parameters')).toEqual({ records: 1, headers: 0 });
  });
});

describe('lines that are wrong', () => {
  test.each<[string, string, string]>([
    ['of another type', '{"resourceType":"Group"}', 'is Group instead of Patient'],
    ['of another type that is not first', '{"id":"1","resourceType":"Group"}', 'is Group instead of Patient'],
    ['of a type that begins the same', '{"resourceType":"Patients"}', 'is Patients instead of Patient'],
    ['of a hostile type', '{"resourceType":"../<script>"}', 'is of another type instead of Patient'],
    ['of an endless type', `{"resourceType":"${'X'.repeat(300)}"}`, 'is of another type instead of Patient'],
    ['of no type', '{"id":"1"}', 'has no resourceType'],
    ['of a type that is no text', '{"resourceType":["Patient"]}', 'has no resourceType'],
    ['of a type further down', '{"contained":{"resourceType":"Patient"}}', 'has no resourceType'],
    ['no object', '[{"resourceType":"Patient"}]', 'is not a JSON object'],
    ['null', 'null', 'is not a JSON object'],
    ['cut', '{"resourceType":"Patient","id":"1"', 'is not JSON'],
    ['no JSON', 'Internal Server Error', 'is not JSON'],
    ['pretty-printed', '{', 'is not JSON'],
    ['HTML', '  <!DOCTYPE html>', 'begins with "<": a page (HTML or XML) instead of NDJSON'],
    ['HTML after a byte order mark', '\ufeff<html>', 'begins with "<": a page (HTML or XML) instead of NDJSON'],
  ])('%s', (_what, line, fault) => {
    expect(verdict(`${line}\n${PATIENT}\n`)).toBe(`line 1 ${fault}`);
    if (!line.startsWith('\ufeff')) expect(verdict(`${PATIENT}\n\n${line}\n{\n`)).toBe(`line 3 ${fault}`);
    expect(verdict(line)).toBe(`line 1 ${fault}`);
  });

  test.each([
    ['{"resourceType":"Patient","a":[{"b":"c"}', 'that looks whole'],
    ['{"resourceType":"Patient"', 'that does not'],
    ['{"resourceType":"Patient","id":"}', 'that ends in a text'],
  ])('the last one without newline, cut: %s', (line) => {
    expect(verdict(`${PATIENT}\n${line}`)).toBe('line 2 is not JSON');
  });

  test('are quoted by no word of theirs', () => {
    expect(verdict('{"resourceType":"Patient","name":"Secret Name"\n')).not.toMatch(/Secret/);
  });

  test('stay wrong, whatever follows', () => {
    const checker = checkerOf('Patient');
    expect(checker.push(bytesOf('{}\n'))).toBe('line 1 has no resourceType');
    expect(checker.push(bytesOf(`${PATIENT}\n`))).toBe('line 1 has no resourceType');
    expect(checker.end()).toBe('line 1 has no resourceType');
  });

  test('are reported before the file ends', () => {
    const checker = checkerOf('Patient');
    expect(checker.push(bytesOf(`${PATIENT}\n<ht`))).toBeUndefined();
    expect(checker.push(bytesOf('ml>\n'))).toMatch(/^line 2 begins with "<"/);
  });
});

describe('bytes that are no UTF-8', () => {
  test.each<[string, Uint8Array, string]>([
    ['in a line', bytesOf(`${PATIENT}\n{"resourceType":"Patient","id":"M`, [0xfc], `ller"}\n${PATIENT}\n`), 'line 2'],
    ['at the end of a line', bytesOf(`${PATIENT}\n\n${PATIENT}`, [0xe2, 0x82], `\n${PATIENT}\n`), 'line 3'],
    ['in the last line', bytesOf(`${PATIENT}\n{"resourceType":"Patient","id":"`, [0xff], '"}'), 'line 2'],
    ['in a blank line', bytesOf(`${PATIENT}\n`, [0x80], `\n${PATIENT}\n`), 'line 2'],
  ])('%s', (_where, content, place) => {
    expect(verdict(content)).toBe(`${place} is not valid UTF-8`);
  });

  test('are not blamed on a line before them whose first character was cut', () => {
    const start = bytesOf('{"resourceType":"Patient","id":"', [0xe2, 0x82]);
    const rest = bytesOf([0xac], `"}\n${PATIENT}\n${PATIENT}`, [0xff], '\n');
    expect(check([start, rest], 'Patient')).toBe('line 3 is not valid UTF-8');
    expect(check([start, bytesOf(`\n${PATIENT}\n`)], 'Patient')).toBe('line 1 is not valid UTF-8');
  });

  test('do not hide an earlier fault', () => {
    expect(verdict(bytesOf('{}\n', [0xff], '\n'))).toBe('line 1 has no resourceType');
  });

  test('a character cut at the end of the file', () => {
    expect(verdict(bytesOf(`${PATIENT}\n{"resourceType":"Patient","id":"`, [0xe2, 0x82]))).toBe(
      'line 2 ends within a character',
    );
  });
});

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
    const verdict = checker.end();
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
  expect(checker.end()).toEqual({ records: 3, headers: 0 });
});

describe('two resources on one line', () => {
  const seam = `${PATIENT}${PATIENT}`;

  test('are found wherever the line is', () => {
    expect(verdict(`${seam}\n`)).toBe('line 1 is not JSON');
    expect(verdict(`${PATIENT}\n${PATIENT}\n${seam}\n${PATIENT}\n`)).toBe('line 3 is not JSON');
    expect(verdict(`${PATIENT}\n${PATIENT}\r\n${seam}\r\n`, null)).toBe('line 3 is not JSON');
    expect(verdict(`${PATIENT}\n${PATIENT}{"id":"1","resourceType":"Patient"}\n`)).toBe('line 2 is not JSON');
  });

  test('are found wherever chunks cut them', () => {
    const bytes = encoder.encode(`${PATIENT}\n${seam}\n${PATIENT}\n`);
    for (let at = 0; at < bytes.length; at++) {
      expect(check([bytes.subarray(0, at), bytes.subarray(at)], 'Patient')).toBe('line 2 is not JSON');
    }
  });

  test.each([
    '{"resourceType":"Patient","a":"}{","b":1}',
    '{"resourceType":"Patient","a":["}{","resourceType"],"b":{}}',
    '{"resourceType":"Patient","}{":"x"}',
    '{"resourceType":"Patient","a":"}{\\"resourceType\\":"}',
  ])('are not seen in texts: %s', (line) => {
    expect(JSON.parse(line)).toHaveProperty('resourceType', 'Patient');
    const text = `${PATIENT}\n${line}\n${PATIENT}\n${line}\n`;
    expect(verdict(text)).toEqual({ records: 4, headers: 0 });
    expect(verdict(text, null)).toEqual({ records: 4, headers: 0 });
  });
});

describe('full checks', () => {
  test.each(['{"resourceType":"Patient","a":}', '{"resourceType":"Patient"} {"resourceType":"Patient"}'])(
    'find what looks right and is not: %s',
    (line) => {
      const text = `${PATIENT}\n${line}\n`;
      expect(verdict(text)).toEqual({ records: 2, headers: 0 });
      expect(verdict(text, 'Patient', 'full')).toBe('line 2 is not JSON');
      expect(verdict(text, null, 'full')).toBe('line 2 is not JSON');
    },
  );

  test('pass what is right', () => {
    const text = `\ufeff${PATIENT}\n\n ${PATIENT}\r\n{"id":"1","resourceType":"Patient"}`;
    expect(verdict(text, 'Patient', 'full')).toEqual({ records: 3, headers: 0 });
  });
});

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
    const start = process.memoryUsage();
    for (let bytes = 0; bytes < 80 * 2 ** 20; bytes += chunk.length) checker.push(chunk);
    const end = process.memoryUsage();
    expect(end.arrayBuffers - start.arrayBuffers).toBeLessThan(70 * 2 ** 20);
    expect(end.heapUsed - start.heapUsed).toBeLessThan(70 * 2 ** 20);
    expect(checker.push(encoder.encode(after))).toBeUndefined();
    expect(checker.end()).toEqual({ records: 1, headers: 0 });
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
