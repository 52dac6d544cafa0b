import { describe, expect, test } from 'vitest';
import { PATIENT, encoder, bytesOf, checkerOf, check, verdict, verdictOf } from './line-verdicts.ts';

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

  test('not of an OperationOutcome alone, which stands for the file', () => {
    const outcome = '{"resourceType":"OperationOutcome","issue":[]}\n';
    expect(verdict(outcome, null)).toBe('it has nothing but OperationOutcomes');
    expect(verdict(outcome + outcome, null)).toBe('it has nothing but OperationOutcomes');
    expect(verdict(`${outcome}${PATIENT}\n`, null)).toEqual({ records: 2, headers: 0 });
    expect(verdict(outcome, 'OperationOutcome')).toEqual({ records: 1, headers: 0 });
    expect(verdict('', null)).toEqual({ records: 0, headers: 0 });
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
    expect(verdictOf(checker)).toBe('line 1 has no resourceType');
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
