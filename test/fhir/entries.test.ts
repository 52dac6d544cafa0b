import { describe, expect, test } from 'vitest';
import { EntryList, lineType } from '../../src/fhir/entries.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import type { FileKind, Manifest, ManifestFile } from '../../src/fhir/manifest.ts';

type Given = Partial<ManifestFile> & { kind?: FileKind };

function page(files: Given[], more: Partial<Manifest> = {}): Manifest {
  return {
    transactionTime: '2026-01-01T00:00:00Z',
    requiresAccessToken: false,
    files: files.map((file, index) => ({ kind: 'output', index, url: `https://a.example/${index}`, ...file })),
    ...more,
  };
}

function entriesOf(...pages: Manifest[]): Entry[] {
  const list = new EntryList();
  return pages.flatMap((one, index) => list.add(one, index + 1, 'https://a.example/fhir/status/1'));
}

function names(types: (string | undefined)[], more: Partial<Manifest> = {}): string[] {
  return entriesOf(
    page(
      types.map((type) => (type === undefined ? {} : { type })),
      more,
    ),
  ).map(({ name }) => name);
}

describe('names', () => {
  test('are numbered per type, in the order of the manifest', () => {
    expect(names(['Patient', 'Observation', 'Patient', 'Observation', 'Group'])).toEqual([
      'Patient.00001.ndjson',
      'Observation.00001.ndjson',
      'Patient.00002.ndjson',
      'Observation.00002.ndjson',
      'Group.00001.ndjson',
    ]);
  });

  test('go on over pages', () => {
    const patient = page([{ type: 'Patient' }]);
    expect(entriesOf(patient, patient, patient).map(({ name }) => name)).toEqual([
      'Patient.00001.ndjson',
      'Patient.00002.ndjson',
      'Patient.00003.ndjson',
    ]);
  });

  test('of deleted and error files have folders of their own, whatever type they name', () => {
    const files: Given[] = [
      { type: 'Bundle' },
      { type: 'OperationOutcome' },
      { kind: 'deleted', type: 'Bundle' },
      { kind: 'deleted', type: '../x' },
      { kind: 'error', type: 'OperationOutcome', url: 'https://a.example/e1' },
      { kind: 'error', url: 'https://a.example/e2' },
    ];
    expect(entriesOf(page(files)).map(({ name }) => name)).toEqual([
      'Bundle.00001.ndjson',
      'OperationOutcome.00001.ndjson',
      'deleted/Bundle.00001.ndjson',
      'deleted/Bundle.00002.ndjson',
      'error/OperationOutcome.00001.ndjson',
      'error/OperationOutcome.00002.ndjson',
    ]);
  });

  test('differ also where case does not count', () => {
    const found = names(['Patient', 'PATIENT', 'PaTient', 'Patient']);
    expect(found).toEqual([
      'Patient.00001.ndjson',
      'PATIENT.00002.ndjson',
      'PaTient.00003.ndjson',
      'Patient.00004.ndjson',
    ]);
    expect(new Set(found.map((name) => name.toLowerCase())).size).toBe(4);
  });

  test.each([
    '../../etc/passwd',
    'Patient/x',
    'Patient\\x',
    '/Patient',
    'C:Patient',
    '.export',
    'Pat\u0000ient',
    'Patient\n',
    'patient',
    'Pätient',
    'X'.repeat(65),
    ' Patient',
    undefined,
  ])('do not come from the type %j', (type) => {
    expect(names([type, 'Resource'])).toEqual(['Resource.00001.ndjson', 'Resource.00002.ndjson']);
  });

  test('do not come from the URL', () => {
    const files = [{ type: 'Patient', url: 'https://a.example/..%2F..%2Fx' }];
    expect(entriesOf(page(files))[0]?.name).toBe('Patient.00001.ndjson');
  });

  test('of organised output say by what', () => {
    expect(names([undefined, undefined], { organizedBy: 'Patient' })).toEqual([
      'OrganizedByPatient.00001.ndjson',
      'OrganizedByPatient.00002.ndjson',
    ]);
    expect(names([undefined], { organizedBy: '../x' })).toEqual(['Resource.00001.ndjson']);
  });
});

describe('entries', () => {
  test('are known by their place and keep the hints', () => {
    const first = page([
      { type: 'Patient', count: 5, fileSize: 9 },
      { kind: 'deleted', index: 0 },
    ]);
    expect(entriesOf(first, page([{ type: 'Group' }]))).toEqual([
      {
        ordinal: 0,
        page: 1,
        kind: 'output',
        index: 0,
        type: 'Patient',
        url: 'https://a.example/0',
        name: 'Patient.00001.ndjson',
        needsToken: false,
        count: 5,
        fileSize: 9,
      },
      {
        ordinal: 1,
        page: 1,
        kind: 'deleted',
        index: 0,
        url: 'https://a.example/1',
        name: 'deleted/Bundle.00001.ndjson',
        needsToken: false,
      },
      {
        ordinal: 2,
        page: 2,
        kind: 'output',
        index: 0,
        type: 'Group',
        url: 'https://a.example/0',
        name: 'Group.00001.ndjson',
        needsToken: false,
      },
    ]);
  });

  test('keep what is exact, and whether their page wants the token', () => {
    const exact = { length: 5, sha256: 'ab' };
    const [first, second] = entriesOf(page([exact], { requiresAccessToken: true }), page([{}]));
    expect(first).toMatchObject({ ...exact, needsToken: true });
    expect(second).toMatchObject({ needsToken: false });
  });

  test('with renewed URLs have the same places and names', () => {
    const reading = (sig: string): Entry[] =>
      entriesOf(
        page([
          { type: 'Patient', url: `https://a.example/1?sig=${sig}` },
          { kind: 'error', url: `https://a.example/2?sig=${sig}` },
          { kind: 'error', url: `https://a.example/2?sig=${sig}&x` },
        ]),
        page([{ kind: 'error', url: `https://a.example/2?sig=${sig}` }, { type: 'Patient' }]),
      );
    const places = (entries: Entry[]): unknown => entries.map(({ ordinal, page, name }) => [ordinal, page, name]);
    expect(places(reading('b'))).toEqual(places(reading('a')));
  });

  test.each([
    ['files/1.ndjson', 'https://a.example/fhir/status/files/1.ndjson'],
    ['/files/1.ndjson?a=b', 'https://a.example/files/1.ndjson?a=b'],
    ['//b.example/1', 'https://b.example/1'],
    ['?file=1', 'https://a.example/fhir/status/1?file=1'],
    ['https://b.example/1?X-Sig=a%2Fb', 'https://b.example/1?X-Sig=a%2Fb'],
  ])('resolve %s against the address of the page', (url, expected) => {
    expect(entriesOf(page([{ url }]))[0]?.url).toBe(expected);
  });

  test('with a URL that is none are refused', () => {
    expect(() => entriesOf(page([{ url: 'https://[' }]))).toThrow(TypeError);
  });
});

describe('error files', () => {
  const errors = (...urls: string[]): Manifest =>
    page(urls.map((url, index) => ({ kind: 'error', index, url: `https://a.example/${url}` })));
  const kept = (...pages: Manifest[]): string[] =>
    entriesOf(...pages).map(({ page, url }) => `${page} ${new URL(url).pathname}${new URL(url).search}`);

  test('of another page that differ in more than a signature are kept: what they tell must not be lost', () => {
    expect(kept(errors('get?file=info'), errors('get?file=lost'))).toEqual(['1 /get?file=info', '2 /get?file=lost']);
    // Not on pages that an earlier version has stored: places stay.
    const list = new EntryList({ errorsByPath: true });
    const [one, other] = [errors('get?file=1'), errors('get?file=2')];
    expect([...list.add(one, 1, 'https://a.example/'), ...list.add(other, 2, 'https://a.example/')]).toHaveLength(1);
  });

  test('repeated on every page are one when equal but for a signature', () => {
    expect(kept(errors('e1?sig=1', 'e2'), errors('e1?sig=2', 'e2#x', 'e3'), errors('e3', 'e1'))).toEqual([
      '1 /e1?sig=1',
      '1 /e2',
      '2 /e3',
    ]);
  });

  test('of one page are all different, even when only the query tells them apart', () => {
    expect(kept(errors('e?file=1', 'e?file=2'))).toEqual(['1 /e?file=1', '1 /e?file=2']);
    expect(kept(errors('e?file=1', 'e?file=2'), errors('e?file=1', 'e?file=2', 'e?file=3'))).toEqual([
      '1 /e?file=1',
      '1 /e?file=2',
      '2 /e?file=3',
    ]);
  });

  test('left out leave no gap in the ordinals', () => {
    const pages = [errors('e1', 'e2'), errors('e1', 'e2'), page([{ type: 'Patient' }])];
    expect(entriesOf(...pages).map(({ ordinal }) => ordinal)).toEqual([0, 1, 2]);
  });

  test('in `outcome` (IG 4) are those of their page, even when they look the same without query', () => {
    const outcome = (query: string): Manifest =>
      page([{ kind: 'error', ofPage: true, url: `https://a.example/outcome?${query}` }]);
    expect(kept(outcome('page=1'), outcome('page=2'), errors('outcome'))).toEqual([
      '1 /outcome?page=1',
      '2 /outcome?page=2',
      '3 /outcome',
    ]);
  });

  test('are the only ones that are compared', () => {
    const same = page([{ url: 'https://a.example/x' }, { url: 'https://a.example/x' }]);
    expect(entriesOf(same, same)).toHaveLength(4);
  });
});

test.each([
  ['output', 'Patient', 'Patient'],
  ['output', undefined, undefined],
  ['deleted', undefined, 'Bundle'],
  ['deleted', 'Patient', 'Bundle'],
  ['error', undefined, 'OperationOutcome'],
] as const)('lines of %s of type %s are %s', (kind, type, expected) => {
  expect(lineType(type === undefined ? { kind } : { kind, type })).toBe(expected);
});
