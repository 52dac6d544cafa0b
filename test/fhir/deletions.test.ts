import { expect, test } from 'vitest';
import { ENTRIES } from '../../src/export-folder/error-and-deleted-files.ts';
import { Deletions } from '../../src/fhir/deletions.ts';

/** What the entries of a Bundle name. */
function read(bundle: object) {
  const deletions = new Deletions();
  const found = [...ENTRIES.whole(bundle)].map((entry) => deletions.add(entry)).filter((one) => one !== undefined);
  return { found, counts: deletions.counts() };
}

const deleted = (url: string) => ({ request: { method: 'DELETE', url } });

test('each names a resource, and has the time of its Bundle', () => {
  const lastUpdated = '2026-01-01T00:00:00.123+01:00';
  const entry = [deleted('Patient/1'), deleted('https://a.example/fhir/Group/b-2')];
  expect(read({ meta: { lastUpdated }, entry })).toEqual({
    found: [
      { type: 'Patient', id: '1', time: lastUpdated },
      { type: 'Group', id: 'b-2', time: lastUpdated },
    ],
    counts: { Patient: 1, Group: 1 },
  });
});

test.each([undefined, null, {}, { lastUpdated: 'yesterday' }, { lastUpdated: 5 }])('no time in %j', (meta) => {
  expect(read({ meta, entry: [deleted('Patient/1')] }).found).toEqual([{ type: 'Patient', id: '1' }]);
});

test('what names no resource is counted', () => {
  const entry = [
    deleted('https://a.example/FHIR/Patient?identifier=5'),
    null,
    {},
    { request: { method: 'PUT', url: 'Patient/1' } },
  ];
  expect(read({ entry })).toEqual({ found: [], counts: { unknown: 4 } });
});

test.each([
  'Patient/1/',
  'Patient/1/_history/2',
  'https://a.example/fhir/Patient/1/_history/2',
  'Patient/1?_cascade=delete',
])('%s names a resource', (url) => {
  const entry = [{ request: { method: 'delete', url } }];
  expect(read({ entry })).toEqual({ found: [{ type: 'Patient', id: '1' }], counts: { Patient: 1 } });
});
