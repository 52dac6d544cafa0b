import { expect, test } from 'vitest';
import { NdjsonChecks } from '../../src/download/ndjson-checks.ts';
import type { Entry } from '../../src/fhir/entries.ts';

const LINE = '{"resourceType":"Patient","id":"1"}\n';

/** What the checks of a file say: nothing when it is right. */
function faultOf(content: string, more: Partial<Entry> = {}): string | undefined {
  const place = { ordinal: 0, page: 1, kind: 'output', index: 0, needsToken: false } as const;
  const entry: Entry = { ...place, type: 'Patient', url: 'https://a.example/1', name: 'Patient.00001.ndjson', ...more };
  const checks = new NdjsonChecks(entry, 'fast');
  const fault = checks.push(Buffer.from(content));
  const ended = checks.end(true);
  return fault ?? (ended.kind === 'wrong' ? ended.detail : undefined);
}

test('a line with a hole looks right at both ends, and is not', () => {
  expect(faultOf(LINE.replace('1', `1${'\0'.repeat(4096)}`))).toBe('it has NUL bytes');
});

test('an empty file is wrong where fileSize says that there is something', () => {
  expect(faultOf('', { fileSize: 5_000_000 })).toBe("no bytes came, the manifest's fileSize is 5000000");
});

test.each<[string, string, Partial<Entry>]>([
  ['may be empty, when nobody says a size', '', {}],
  ['may be empty, when its count is 0', '', { count: 0, fileSize: 5_000_000 }],
  ['may be empty, when its size may be that of its compressed form', '', { fileSize: 45 }],
  ['may be shorter than fileSize, which is a hint', LINE, { fileSize: 5_000_000 }],
  ['may be longer than fileSize, which may be of its compressed form', LINE.repeat(9), { fileSize: 40 }],
  ['may be empty when it is an error file', '', { kind: 'error', type: undefined, fileSize: 5_000_000 }],
])('a file %s', (_, content, entry) => {
  expect(faultOf(content, entry)).toBeUndefined();
});
