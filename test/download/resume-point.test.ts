import { describe, expect, test } from 'vitest';
import { checksOf } from '../../src/download/file-checks.ts';
import type { CheckOutcome, FileChecks } from '../../src/download/checked-file.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { seededRandom } from '../support/random.ts';

const ENTRY: Entry = {
  ordinal: 0,
  page: 1,
  kind: 'output',
  index: 0,
  type: 'Patient',
  url: 'https://a.example/1',
  name: 'Patient.00001.ndjson',
  needsToken: false,
};
const LINES = [
  '{"resourceType":"Patient","id":"ü€😀"}\n',
  '{"id":"1","resourceType":"Patient"}\r\n',
  '{"resourceType":"Parameters"}\n',
  '\n',
  ' \t\r\n',
];

function end(checks: FileChecks): CheckOutcome {
  const outcome = checks.end(true);
  return outcome.kind === 'wrong' ? outcome : { ...outcome, file: { ...outcome.file, sha256: undefined } };
}

describe('checks that go on behind a point', () => {
  test.each([
    ['right', []],
    ['wrong', ['{"resourceType":"Group"}\n', 'no JSON\n', '{"resourceType":"Patient"\n']],
  ])('say the same as those of the whole file, wherever it is: lines are %s', (_, more) => {
    const random = seededRandom(7);
    let went = 0;
    for (let round = 0; round < 300; round++) {
      const lines = Array.from({ length: 12 }, () => LINES[Math.floor(random() * LINES.length)]);
      lines.splice(Math.floor(random() * 12), 0, ...more.slice(0, Math.ceil(random() * more.length)));
      const file = Buffer.from(`${random() < 0.3 ? '\ufeff' : ''}${lines.join('')}`);
      // Of output of any type, headers are counted.
      const entry: Entry = { ...ENTRY, type: more.length === 0 ? undefined : 'Patient' };
      const first = checksOf(entry, 'fast');
      const cut = Math.floor(random() * file.length);
      const faults = [file.subarray(0, cut / 2), file.subarray(cut / 2, cut)].map((chunk) => first.push(chunk));
      const { point } = first;
      // A file of which something is wrong already is not gone on with.
      if (faults.some(Boolean) || point === undefined || point.bytes === 0) continue;
      const second = checksOf(entry, 'fast', point);
      went++;
      expect(point.bytes).toBeLessThanOrEqual(cut);
      expect(second.bytes).toBe(point.bytes);
      second.push(file.subarray(point.bytes));
      first.push(file.subarray(cut));
      expect(end(second)).toEqual(end(first));
    }
    expect(went).toBeGreaterThan(50);
  });

  test('know no hash, and its promise is checked by those that see all bytes', () => {
    const checks = checksOf(ENTRY, 'fast', { bytes: 10, state: { records: 1, headers: 0, line: 2 } });
    checks.push(Buffer.from('{"resourceType":"Patient"}\n'));
    const file = { bytes: 37, records: 2, headers: 0, sha256: undefined };
    expect(checks.end(true)).toEqual({ kind: 'checked', file });
    const promised = checksOf({ ...ENTRY, sha256: '0'.repeat(64) }, 'fast');
    promised.push(Buffer.from('{"resourceType":"Patient"}\n'));
    expect(promised.point).toBeUndefined();
    expect(promised.end(true).kind).toBe('wrong');
    expect(checksOf({ ...ENTRY, kind: 'attachment' }, 'fast').point).toBeUndefined();
  });

  test('compare the whole count', () => {
    const from = { bytes: 10, state: { records: 5, headers: 0, line: 6 } };
    const checks = checksOf({ ...ENTRY, count: 5 }, 'fast', from);
    expect(checks.push(Buffer.from('{"resourceType":"Patient"}\n'))).toMatch(/more than 5 resources/);
  });

  test('know nothing when it was damaged: not even as many bytes as they are told', () => {
    const checks = checksOf(ENTRY, 'fast', { bytes: 10, state: { records: 1 } });
    expect(checks.bytes).toBe(0);
    checks.push(Buffer.from('{"resourceType":"Patient"}\n'));
    expect(checks.end(true)).toMatchObject({ file: { bytes: 27, sha256: expect.any(String) } });
  });
});
