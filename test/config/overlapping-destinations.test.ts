import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { FILE, faults } from './parsed.ts';

const S3 = 'type: s3, bucket: lake';

/** Faults where requests to one server may go to `a` only. */
const found = (a: string, b: string): string[] =>
  faults(`servers:
  one: { baseUrl: "https://a.example", allow: { destinations: [a] } }
  two: { baseUrl: "https://a.example", allow: { destinations: [a, b] } }
  three: { baseUrl: "https://a.example" }
destinations:
  a: { ${a} }
  b: { ${b} }
`);

test.each([
  ['type: directory, path: ./exports', 'type: directory, path: ./exports/team-b'],
  ['type: directory, path: ./exports', 'type: directory, path: /etc/export/exports/'],
  ['type: directory, path: /', 'type: directory, path: /exports'],
  [S3, `${S3}, prefix: raw`],
  [`${S3}, prefix: raw`, `${S3}, prefix: raw/b/`],
])('a destination that holds another one is not allowed without it: %s, %s', (a, b) => {
  expect(found(a, b)).toEqual([
    'servers.one.allow.destinations: "a" holds "b", which is not allowed; give each a place of its own',
  ]);
});

test.each([
  ['type: directory, path: ./exports/a', 'type: directory, path: ./exports'],
  ['type: directory, path: ./exports', 'type: directory, path: ./exports-b'],
  [`${S3}, prefix: raw`, `${S3}, prefix: raw-b`],
  [S3, 'type: s3, bucket: lake-b'],
  [S3, `${S3}, prefix: raw, endpoint: "https://s3.example"`],
])('but beside it: %s, %s', (a, b) => {
  expect(found(a, b)).toEqual([]);
});

test('the audit trail has a place of its own, from the folder of the file', () => {
  const base =
    'servers:\n  one: { baseUrl: "https://a.example" }\ndestinations:\n  a: { type: directory, path: ./exports }\n';
  const withTrail = (path: string): string => `${base}audit: { destination: { type: directory, path: ${path} } }\n`;
  for (const path of ['./exports', './exports/audit', '/etc/export']) {
    expect(faults(withTrail(path))).toEqual([
      'audit.destination: shares its place with destinations.a; give it one of its own',
    ]);
  }
  expect(parseConfig(withTrail('./audit'), FILE).audit).toEqual({
    destination: { type: 'directory', path: '/etc/export/audit' },
    required: false,
  });
});

test('the audit trail has no retention: records are not removed', () => {
  const text =
    'servers:\n  one: { baseUrl: "https://a.example" }\ndestinations:\n  a: { type: directory, path: ./exports, retention: P90D }\n';
  const trail = 'audit: { destination: { type: directory, path: ./audit, retention: P90D } }\n';
  expect(faults(`${text}${trail}`)).toEqual([
    'line 5: audit.destination.retention: records are not removed; leave it out',
  ]);
  expect(parseConfig(text, FILE).destinations['a']).toMatchObject({ retention: 'P90D' });
});
