import { describe, expect, test } from 'vitest';
import { readManifest } from '../../src/fhir/manifest.ts';
import type { Manifest } from '../../src/fhir/manifest.ts';

const TIME = '2026-01-01T00:00:00.123+01:00';

const url = (name: string): string => `https://files.example/${name}?sig=1`;

function read(value: unknown): Manifest {
  const read = readManifest(JSON.stringify(value));
  if (read.kind === 'unusable') throw new Error(read.detail);
  return read.manifest;
}

const V1 = {
  transactionTime: TIME,
  request: 'https://a.example/Patient/$export?_type=Patient',
  requiresAccessToken: true,
  output: [
    { type: 'Patient', url: url('p1'), count: 100 },
    { type: 'Patient', url: url('p2') },
  ],
  error: [{ type: 'OperationOutcome', url: url('e1') }],
  extension: { 'https://a.example/key': true },
};

const V2 = { ...V1, deleted: [{ type: 'Bundle', url: url('d1'), count: 3 }] };

const V3 = {
  ...V2,
  outputOrganizedBy: 'Patient',
  output: [{ url: url('o1'), continuesInFile: url('o2') }, { url: url('o2') }],
  link: [{ relation: 'next', url: 'https://a.example/status/1/2' }],
};

const V4 = {
  manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest',
  transactionTime: TIME,
  requiresAccessToken: false,
  outputFormat: 'application/fhir+ndjson',
  output: [{ type: 'Patient', url: url('p1'), count: 1, fileSize: 2048, extension: [{ url: 'x', valueString: 'y' }] }],
  deleted: [{ url: url('d1') }],
  outcome: [{ url: url('e1'), countSeverity: [{ code: 'warning', count: 2 }] }],
  extension: [{ url: 'https://a.example/key', valueBoolean: true }],
};

describe('a manifest of', () => {
  const errors = [{ kind: 'error', index: 0, type: 'OperationOutcome', url: url('e1') }];
  const output = [
    { kind: 'output', index: 0, type: 'Patient', url: url('p1'), count: 100 },
    { kind: 'output', index: 1, type: 'Patient', url: url('p2') },
  ];
  const deleted = [{ kind: 'deleted', index: 0, type: 'Bundle', url: url('d1'), count: 3 }];

  test.each<[string, object, Manifest]>([
    [
      'IG 1',
      V1,
      { transactionTime: TIME, requiresAccessToken: true, files: [...output, ...errors] as Manifest['files'] },
    ],
    [
      'IG 2',
      V2,
      {
        transactionTime: TIME,
        requiresAccessToken: true,
        files: [...output, ...deleted, ...errors] as Manifest['files'],
      },
    ],
    [
      'IG 3, organised and paged',
      V3,
      {
        transactionTime: TIME,
        requiresAccessToken: true,
        organizedBy: 'Patient',
        files: [
          { kind: 'output', index: 0, url: url('o1') },
          { kind: 'output', index: 1, url: url('o2') },
          ...(deleted as Manifest['files']),
          ...(errors as Manifest['files']),
        ],
        next: 'https://a.example/status/1/2',
      },
    ],
    [
      'IG 4',
      V4,
      {
        transactionTime: TIME,
        requiresAccessToken: false,
        manifestType: V4.manifestType,
        files: [
          { kind: 'output', index: 0, type: 'Patient', url: url('p1'), count: 1, fileSize: 2048 },
          { kind: 'deleted', index: 0, url: url('d1') },
          { kind: 'error', ofPage: true, index: 0, url: url('e1') },
        ],
      },
    ],
  ])('%s is read', (_version, manifest, expected) => {
    expect(read(manifest)).toEqual(expected);
  });

  test('a server that has both error and outcome loses neither', () => {
    const files = read({ ...V1, outcome: V4.outcome, output: [] }).files;
    expect(files.map(({ kind, index, ofPage }) => [kind, index, ofPage])).toEqual([
      ['error', 0, undefined],
      ['error', 1, true],
    ]);
  });
});

describe('a missing field', () => {
  const without = (manifest: object, field: string): object => ({ ...manifest, [field]: undefined });

  test.each<[string, { files?: number } & Partial<Omit<Manifest, 'files'>>]>([
    ['request', {}],
    ['error', { files: 2 }],
    ['extension', {}],
    ['output', { files: 1 }],
    ['transactionTime', { transactionTime: '' }],
    // Not conformant; the token goes only where the server says that it must.
    ['requiresAccessToken', { requiresAccessToken: false }],
  ])('%s does no harm', (field, { files = 3, ...expected }) => {
    const manifest = read(without(V1, field));
    expect(manifest).toMatchObject(expected);
    expect(manifest.files).toHaveLength(files);
  });

  test.each([
    [{ transactionTime: TIME }],
    [{ output: [] }],
    [{ transactionTime: TIME, output: null, deleted: null, error: null, outcome: null, link: null }],
    [{ transactionTime: TIME, output: [], error: [], link: [] }],
  ])('makes an empty export of %j', (manifest) => {
    expect(read(manifest).files).toEqual([]);
    expect(read(manifest).next).toBeUndefined();
  });

  test('requiresAccessToken counts only when it is true', () => {
    for (const value of ['yes', 'false', 1, null, {}, []]) {
      expect(read({ ...V1, requiresAccessToken: value }).requiresAccessToken).toBe(false);
    }
    expect(read({ ...V1, requiresAccessToken: 'true' }).requiresAccessToken).toBe(true);
  });
});

describe('what is no manifest', () => {
  test.each([
    ['', 'not JSON'],
    ['{"transactionTime":"2026', 'not JSON'],
    ['Please wait', 'not JSON'],
    ['<html></html>', 'a page (HTML or XML) instead of a manifest'],
    ['\n <?xml version="1.0"?>', 'a page (HTML or XML) instead of a manifest'],
    ['null', 'not a JSON object'],
    ['[]', 'not a JSON object'],
    ['"x"', 'not a JSON object'],
    ['{}', 'neither transactionTime nor output'],
    ['{"requiresAccessToken":false,"error":[]}', 'neither transactionTime nor output'],
    ['{"output":{},"transactionTime":5}', 'neither transactionTime nor output'],
    [`{"transactionTime":"${'9'.repeat(501)}"}`, 'transactionTime is no time'],
    ['{"resourceType":"OperationOutcome","issue":[]}', 'a OperationOutcome resource'],
    ['{"resourceType":"Parameters","transactionTime":"x","output":[]}', 'a Parameters resource'],
  ])('%s is %s', (body, detail) => {
    expect(readManifest(body)).toEqual({ kind: 'unusable', detail });
  });

  test.each([
    [{ output: [{ type: 'Patient' }] }, 'output[0] has no url'],
    [{ output: [{ url: 'x' }, { url: '' }] }, 'output[1] has no url'],
    [{ output: [null] }, 'output[0] has no url'],
    [{ output: [{ url: 5 }] }, 'output[0] has no url'],
    [{ output: ['https://a.example/1'] }, 'output[0] has no url'],
    [{ deleted: [{ type: 'Bundle' }] }, 'deleted[0] has no url'],
    [{ error: [{ type: 'OperationOutcome' }] }, 'error[0] has no url'],
    [{ error: [{ url: 'x' }], outcome: [{}] }, 'error[0] has no url'],
    [{ output: {} }, 'output is not an array'],
    [{ error: 'none' }, 'error is not an array'],
    [{ link: [{ relation: 'next' }] }, 'the link to the next page has no url'],
    [{ link: [{ relation: 'next', url: '' }] }, 'the link to the next page has no url'],
    [{ link: [{ relation: 'next', url: 5 }] }, 'the link to the next page has no url'],
    [{ link: ['/2', '/3'].map((url) => ({ relation: 'next', url })) }, 'it has links to several next pages'],
  ])('a file or page that cannot be fetched: %j', (more, detail) => {
    expect(readManifest(JSON.stringify({ transactionTime: TIME, ...more }))).toEqual({ kind: 'unusable', detail });
  });
});

describe('hints', () => {
  test.each([
    [{ count: 0 }, { count: 0 }],
    [{ count: '12' }, { count: 12 }],
    [{ count: -1 }, {}],
    [{ count: 1.5 }, {}],
    [{ count: 'many' }, {}],
    [{ count: null }, {}],
    [{ count: 2 ** 53 }, {}],
    [{ fileSize: 10 }, { fileSize: 10 }],
    [{ filesize: '10' }, { fileSize: 10 }],
    [{ fileSize: 'x', filesize: 11 }, { fileSize: 11 }],
    [{ type: '' }, {}],
    [{ type: 5 }, {}],
    [{ type: '../x' }, { type: '../x' }],
  ])('%j is read as %j', (given, expected) => {
    const manifest = read({ transactionTime: TIME, output: [{ url: 'x', ...given }] });
    expect(manifest.files).toEqual([{ kind: 'output', index: 0, url: 'x', ...expected }]);
  });
});

describe('the link to the next page', () => {
  test.each([
    [
      [
        { relation: 'self', url: 'a' },
        { relation: 'next', url: 'b' },
      ],
      'b',
    ],
    [{ relation: 'next', url: 'b' }, 'b'],
    [[{ relation: 'Next', url: 'b' }], 'b'],
    [[{ rel: 'next', url: 'b' }], 'b'],
    [[null, 'x', { relation: 'next', url: '../2' }], '../2'],
    [[{ relation: 'self', url: 'a' }], undefined],
    [[{ url: 'a' }], undefined],
    ['https://a.example/2', undefined],
  ])('of %j is %s', (link, next) => {
    expect(read({ transactionTime: TIME, link }).next).toBe(next);
  });
});

test('may begin with a byte order mark', () => {
  expect(readManifest(`\ufeff${JSON.stringify(V1)}`)).toEqual({ kind: 'manifest', manifest: read(V1) });
});

test('20,000 files are read, each in its place', () => {
  const output = Array.from({ length: 20_000 }, (_, number) => ({ type: 'Patient', url: url(String(number)) }));
  const { files } = read({ transactionTime: TIME, output });
  expect(files).toHaveLength(20_000);
  expect(files.at(-1)).toMatchObject({ index: 19_999, url: url('19999') });
});

test('texts of any length are not taken over: they would be told in the history', () => {
  const { organizedBy, manifestType } = read({
    ...V3,
    outputOrganizedBy: 'x'.repeat(501),
    manifestType: 'x'.repeat(501),
  });
  expect({ organizedBy, manifestType }).toEqual({});
});
