import { expect, test } from 'vitest';
import { NdjsonChecks } from '../../src/download/ndjson-checks.ts';
import type { Entry } from '../../src/fhir/entries.ts';

const LINE = '{"resourceType":"Patient","id":"1"}\n';

/** What the checks of a file say: nothing when it is right. */
function faultOf(content: string, more: Partial<Entry> = {}, endIsProved = true): string | undefined {
  const place = { ordinal: 0, page: 1, kind: 'output', index: 0, needsToken: false } as const;
  const entry: Entry = { ...place, type: 'Patient', url: 'https://a.example/1', name: 'Patient.00001.ndjson', ...more };
  const checks = new NdjsonChecks(entry, 'fast');
  const fault = checks.push(Buffer.from(content));
  const ended = checks.end(endIsProved);
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

const UNPROVED = /^its end is only the closing of the connection/;

test.each<[string, string, Partial<Entry>, RegExp | undefined]>([
  ['all lines that count names', LINE.repeat(2), { count: 2 }, undefined],
  ['all of them, the last one without its newline', LINE.repeat(2).trimEnd(), { count: 2 }, undefined],
  [
    'one cut within its last line, where an object of it ends',
    `${LINE}{"resourceType":"Patient","a":{}`,
    { count: 2 },
    /^line 2/,
  ],
  ['one cut behind a line', LINE, { count: 2 }, /count is 2/],
  ['whole lines, and no count', LINE.repeat(2), {}, UNPROVED],
  ['a whole line without its newline, and no count', LINE.trimEnd(), {}, UNPROVED],
  ['as many bytes as fileSize says', LINE, { fileSize: LINE.length }, undefined],
])('of a body that ends with its connection, %s', (_, content, entry, fault) => {
  expect(faultOf(content, entry, false)).toEqual(fault === undefined ? undefined : expect.stringMatching(fault));
});
