import { describe, expect, test } from 'vitest';
import type { IgVersion } from '../../src/fhir/capability.ts';
import { buildKickOff } from '../../src/fhir/kick-off.ts';
import type { KickOff, KickOffRequest } from '../../src/fhir/kick-off.ts';
import { listParameters } from '../../src/fhir/parameters.ts';

type Given = Record<string, string | boolean | number | string[]>;

function build(parameters: Given = {}, more: Partial<KickOff> = {}): KickOffRequest {
  return buildKickOff({
    baseUrl: 'https://a.example/fhir',
    level: 'patient',
    parameters: listParameters(parameters),
    prefer: [],
    method: 'auto',
    operation: 'export',
    ...more,
  });
}

function query(parameters: Given, more: Partial<KickOff> = {}): string | undefined {
  return build(parameters, more).url.split('?')[1];
}

/** `Parameters.parameter` of a POST. */
function sent(parameters: Given, more: Partial<KickOff> = {}): unknown {
  const { body } = build(parameters, { method: 'post', ...more });
  return (JSON.parse(body ?? '{}') as { parameter?: unknown }).parameter;
}

const v = (version: IgVersion): Partial<KickOff> => ({ version });

describe('the address', () => {
  test.each<[string, Partial<KickOff>]>([
    ['https://a.example/fhir/$export', { level: 'system' }],
    ['https://a.example/fhir/Patient/$export', { level: 'patient' }],
    ['https://a.example/fhir/Group/diabetes-1.a/$export', { level: 'group', groupId: 'diabetes-1.a' }],
    ['https://a.example/fhir/Group/..%2Fx/$export', { level: 'group', groupId: '../x' }],
    ['https://a.example/a/b/$export', { level: 'system', baseUrl: 'https://a.example/a/b' }],
    ['https://a.example/$export', { level: 'system', baseUrl: 'https://a.example' }],
    ['https://a.example/fhir/Patient/$export-v4', { operation: 'export-v4' }],
  ])('is %s', (url, kickOff) => {
    expect(build({}, kickOff)).toMatchObject({ method: 'GET', url });
  });
});

describe('the headers', () => {
  test('ask for an asynchronous answer in FHIR JSON', () => {
    const headers = { accept: 'application/fhir+json', prefer: 'respond-async' };
    expect(build()).toEqual({ method: 'GET', url: 'https://a.example/fhir/Patient/$export', headers });
    expect(build({}, { method: 'post' }).headers).toEqual({ ...headers, 'content-type': 'application/fhir+json' });
  });

  test('join the preferences', () => {
    const { headers } = build({}, { prefer: ['handling=lenient', 'separate-export-status'] });
    expect(headers['prefer']).toBe('respond-async, handling=lenient, separate-export-status');
  });
});

describe('the method', () => {
  const patient = { patient: 'Patient/1' };
  test.each<['GET' | 'POST', string, Given, Partial<KickOff>]>([
    ['GET', 'when nothing else is needed', {}, {}],
    ['GET', 'for IG 3', {}, v(3)],
    ['POST', 'for IG 4', {}, v(4)],
    ['POST', 'for IG 4, even when GET is configured', {}, { ...v(4), method: 'get' }],
    ['POST', 'for patient', patient, {}],
    ['POST', 'for patient, even when GET is configured', patient, { method: 'get' }],
    ['GET', 'for patient, where it is known how', patient, { method: 'get', patientInUrl: 'reference' }],
    ['GET', 'for patient, where a query has it', patient, { patientInUrl: 'reference' }],
    ['POST', 'for IG 4, whatever is known of patient', patient, { ...v(4), method: 'get', patientInUrl: 'id' }],
    ['POST', 'for payers', {}, { requested: 'davinci-data-export' }],
    ['GET', 'for payers, when it is configured', {}, { requested: 'davinci-data-export', method: 'get' }],
    ['POST', 'when it is configured', {}, { method: 'post' }],
    ['GET', 'when it is configured', { _type: 'Patient' }, { method: 'get' }],
  ])('is %s %s', (method, _when, parameters, kickOff) => {
    const request = build(parameters, kickOff);
    expect(request.method).toBe(method);
    expect(request.body === undefined).toBe(method === 'GET');
    expect(request.url.includes('?')).toBe(method === 'GET' && Object.keys(parameters).length > 0);
  });
});

describe('the query of a GET', () => {
  test.each<[string, Given]>([
    ['_outputFormat=application%2Ffhir%2Bndjson', { _outputFormat: 'application/fhir+ndjson' }],
    ['_outputFormat=application%2Ffhir%2Bndjson', { _outputFormat: 'ndjson' }],
    ['_outputFormat=application%2Ffhir%2Bndjson', { _outputFormat: 'application/ndjson' }],
    ['_outputFormat=application%2Ffhir%2Bndjson%2Bgzip', { _outputFormat: 'application/fhir+ndjson+gzip' }],
    ['_since=2026-01-01T00%3A00%3A00%2B01%3A00', { _since: '2026-01-01T00:00:00+01:00' }],
    ['_type=Patient,Observation', { _type: ['Patient', 'Observation'] }],
    ['_type=Patient,Observation', { _type: 'Patient, Observation' }],
    ['_elements=id,Patient.name', { _elements: ['id', 'Patient.name'] }],
    [
      'includeAssociatedData=LatestProvenanceResources,_own',
      { includeAssociatedData: 'LatestProvenanceResources,_own' },
    ],
    ['allowPartialManifests=true', { allowPartialManifests: 'true' }],
    ['_maximumFileSize=1000', { _maximumFileSize: '1000' }],
    ['_custom=a%26b%3Dc%20d%2Be%23', { _custom: 'a&b=c d+e#' }],
    ['_custom=x&_custom=y', { _custom: ['x', 'y'] }],
    ['_type=Patient&organizeOutputBy=Patient', { _type: 'Patient', organizeOutputBy: 'Patient' }],
  ])('is %s', (expected, parameters) => {
    expect(query(parameters)).toBe(expected);
  });

  test('has patients as the server reads them', () => {
    const parameters = { patient: ['Patient/1', '2'] };
    expect(query(parameters, { method: 'get', patientInUrl: 'reference' })).toBe('patient=Patient%2F1,Patient%2F2');
    expect(query(parameters, { method: 'get', patientInUrl: 'id' })).toBe('patient=1,2');
  });

  const filters = { _typeFilter: ['Encounter?status=finished,unknown', 'Patient?name=A+B&active=true'] };
  const encounter = 'Encounter%3Fstatus%3Dfinished%2Cunknown';
  const patient = 'Patient%3Fname%3DA%2BB%26active%3Dtrue';

  test('repeats _typeFilter and keeps its commas for IG 3', () => {
    expect(query(filters, v(3))).toBe(`_typeFilter=${encounter}&_typeFilter=${patient}`);
  });

  test('repeats _typeFilter and shields its commas where no version is declared', () => {
    const shielded = encounter.replace('%2C', '%252C');
    expect(query(filters)).toBe(`_typeFilter=${shielded}&_typeFilter=${patient}`);
  });

  test.each([[1 as const], [2 as const]])('joins _typeFilter for IG %d and shields the commas within', (version) => {
    const text = query(filters, { version });
    expect(text).toBe(`_typeFilter=Encounter%3Fstatus%3Dfinished%252Cunknown,${patient}`);
    // What such a server does: decode, split, and read each part as a query.
    const parts = new URLSearchParams(text).get('_typeFilter')?.split(',') ?? [];
    expect(parts.map((part) => new URLSearchParams(part.split('?')[1]).get('status'))).toEqual([
      'finished,unknown',
      null,
    ]);
  });
});

describe('the body of a POST', () => {
  test('is a Parameters resource, without an empty list', () => {
    expect(JSON.parse(build({}, { method: 'post' }).body!)).toEqual({ resourceType: 'Parameters' });
  });

  test.each<[string, Given, Partial<KickOff>, unknown[]]>([
    [
      'one comma-delimited value for types and elements',
      { _type: ['Patient', 'Group'], _elements: 'id,name' },
      {},
      [
        { name: '_type', valueString: 'Patient,Group' },
        { name: '_elements', valueString: 'id,name' },
      ],
    ],
    [
      'a list of the server’s own repeated, as given',
      { _x: ['a', 'b,c'] },
      v(3),
      [
        { name: '_x', valueString: 'a' },
        { name: '_x', valueString: 'b,c' },
      ],
    ],
    [
      'instants',
      { _since: '2026-01-01T00:00:00+01:00', _until: '2026-02-01T00:00:00Z' },
      {},
      [
        { name: '_since', valueInstant: '2026-01-01T00:00:00+01:00' },
        { name: '_until', valueInstant: '2026-02-01T00:00:00Z' },
      ],
    ],
    [
      'references',
      { patient: ['1', 'Patient/2'] },
      {},
      [
        { name: 'patient', valueReference: { reference: 'Patient/1' } },
        { name: 'patient', valueReference: { reference: 'Patient/2' } },
      ],
    ],
    [
      'booleans given as text',
      { allowPartialManifests: 'true' },
      {},
      [{ name: 'allowPartialManifests', valueBoolean: true }],
    ],
    ['sizes given as text', { _minimumFileSize: '10' }, {}, [{ name: '_minimumFileSize', valuePositiveInt: 10 }]],
    [
      'whole filters',
      { _typeFilter: ['Encounter?status=a,b', 'Patient?family=é'] },
      v(3),
      [
        { name: '_typeFilter', valueString: 'Encounter?status=a,b' },
        { name: '_typeFilter', valueString: 'Patient?family=%C3%A9' },
      ],
    ],
    [
      'filters whose commas are shielded for IG 2, which splits there',
      { _typeFilter: ['Encounter?status=a,b'] },
      v(2),
      [{ name: '_typeFilter', valueString: 'Encounter?status=a%2Cb' }],
    ],
    [
      'what is the server’s own',
      { _x: true, _y: 5, _z: 'a,b' },
      {},
      [
        { name: '_x', valueBoolean: true },
        { name: '_y', valueString: '5' },
        { name: '_z', valueString: 'a,b' },
      ],
    ],
    [
      'codes up to IG 3',
      { includeAssociatedData: 'LatestProvenanceResources,_own' },
      v(3),
      [{ name: 'includeAssociatedData', valueCode: 'LatestProvenanceResources,_own' }],
    ],
    [
      'Codings in IG 4',
      { includeAssociatedData: 'LatestProvenanceResources,_own' },
      v(4),
      [
        {
          name: 'includeAssociatedData',
          valueCoding: {
            system: 'http://hl7.org/fhir/uv/bulkdata/CodeSystem/include-associated-data',
            code: 'LatestProvenanceResources',
          },
        },
        { name: 'includeAssociatedData', valueCoding: { code: '_own' } },
      ],
    ],
    [
      'no comma lists in IG 4',
      { _elements: 'id,name', _type: ['Patient,Group'] },
      v(4),
      [
        { name: '_elements', valueString: 'id' },
        { name: '_elements', valueString: 'name' },
        { name: '_type', valueString: 'Patient' },
        { name: '_type', valueString: 'Group' },
      ],
    ],
  ])('has %s', (_what, parameters, kickOff, expected) => {
    expect(sent(parameters, kickOff)).toEqual(expected);
  });
});
