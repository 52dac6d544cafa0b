import { describe, expect, test } from 'vitest';
import type { ExportRequest } from '../../src/contract.ts';
import { validateRequest } from '../../src/policy/request/validate-request.ts';
import { LEAST, problems, problemsWith } from './request-problems.ts';

const GROUP = { level: 'group', groupId: 'diabetes' };
const NOT_OF_IG = 'unknown parameter; names of your server\'s own begin with "_"';

function problemsOf(parameters: object): string[] {
  return problemsWith({ parameters });
}

describe('a request that is right', () => {
  const full: ExportRequest = {
    server: 'hospital-a',
    level: 'group',
    groupId: 'diabetes-1.a',
    parameters: {
      _type: ['Patient', 'Observation'],
      _since: '2026-01-01T00:00:00Z',
      _until: '2026-02-01T00:00:00+01:00',
      _typeFilter: ['Observation?category=laboratory', 'Encounter?status=finished,unknown&date:missing=false'],
      _elements: 'id,Patient.name',
      patient: ['Patient/1', 'https://a.example/fhir/Patient/2', '3'],
      includeAssociatedData: 'LatestProvenanceResources,_ours',
      organizeOutputBy: 'Patient',
      allowPartialManifests: 'true',
      _outputFormat: 'application/fhir+ndjson',
      _minimumFileSize: '10',
      _maximumFileSize: 11,
      _custom: 'x',
      '_other.one-2': [true, 5, ''.padEnd(3, 'x')],
    },
    destination: { name: 'local', path: '2026-11/hospital-a' },
    prefer: ['handling=lenient', 'separate-export-status'],
    attachments: 'download',
    keepServerFiles: false,
    deadline: 'P7DT12H',
  };

  test.each([
    ['the least', LEAST],
    ['the most', full],
    ['with nothing in it', { ...LEAST, parameters: {}, destination: {}, prefer: [], incremental: {} }],
    ['one with new members', { ...LEAST, ...GROUP, incremental: { newMembers: 'full' } }],
    ['one of new members', { ...LEAST, ...GROUP, newMembersOf: 'nightly/2026' }],
    ['an incremental one', { ...LEAST, incremental: { initialSince: '2026-01-01T00:00:00Z', onIssues: 'advance' } }],
  ])('%s passes as it is', (_what, request) => {
    expect(validateRequest(request)).toEqual({ kind: 'valid', request });
  });

  test.each(['system', 'patient'])('level %s needs no more', (level) => {
    expect(problemsWith({ level })).toEqual([]);
  });

  test.each(Object.entries(full.parameters!))('%s may be alone', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([]);
  });
});

describe('a field that is wrong is named with its fix', () => {
  test.each<[string, unknown]>([
    ['request: is missing, must be an object', undefined],
    ['request: must be an object', null],
    ['request: must be an object', 'hospital-a'],
    ['request: must be an object', 5],
    ['request: must be an object', [LEAST]],
  ])('%s', (problem, input) => {
    expect(problems(input)).toEqual([problem]);
  });

  const prefer = 'must be one of handling=lenient, handling=strict, separate-export-status';
  const deadline = 'must be an ISO 8601 duration of at most 365 days, such as P30D, PT12H or P1DT6H';
  const id = 'must be a FHIR id: letters, digits, "-" and ".", at most 64';
  test.each<[string, object]>([
    ['server: must be text', { server: 5 }],
    ['server: must not be empty', { server: '' }],
    ['level: must be one of system, patient, group', { level: 'all' }],
    ['level: must be one of system, patient, group', { level: 'Group' }],
    ['groupId: is missing, level "group" needs it', { level: 'group' }],
    ['groupId: level "patient" has none, use level "group" or remove it', { groupId: 'x' }],
    ['groupId: level "system" has none, use level "group" or remove it', { level: 'system', groupId: 'x' }],
    [`groupId: ${id}`, { level: 'group', groupId: 'a/b' }],
    [`groupId: ${id}`, { level: 'group', groupId: '' }],
    [`groupId: ${id}`, { level: 'group', groupId: 'x'.repeat(65) }],
    ['groupId: must be text', { level: 'group', groupId: 5 }],
    ['parameters: must be an object', { parameters: '_type=Patient' }],
    ['parameters: must be an object', { parameters: [] }],
    ['destination: must be an object', { destination: '2026/x' }],
    ['destination: must be an object', { destination: ['x'] }],
    ['destination.name: must not be empty', { destination: { name: '' } }],
    ['destination.path: must be text', { destination: { path: 5 } }],
    ['destination.url: unknown field, remove it', { destination: { url: 's3://x' } }],
    ['prefer: must be a list', { prefer: 'handling=lenient' }],
    [`prefer.1: ${prefer}`, { prefer: ['handling=lenient', 'respond-async'] }],
    ['attachments: must be "download", or left out', { attachments: true }],
    ['keepServerFiles: must be true or false', { keepServerFiles: 'true' }],
    ['incremental: must be an object', { incremental: true }],
    ['incremental.since: unknown field, remove it', { incremental: { since: '2026-01-01T00:00:00Z' } }],
    ['incremental.initialSince: must be text', { incremental: { initialSince: 5 } }],
    [
      'incremental.initialSince: has a day that does not exist: 2026-02-30',
      { incremental: { initialSince: '2026-02-30T00:00:00Z' } },
    ],
    ['incremental.onIssues: must be one of hold, advance', { incremental: { onIssues: 'stop' } }],
    [
      'parameters._since: not allowed with incremental, which sets it; use incremental.initialSince',
      { incremental: {}, parameters: { _since: '2026-01-01T00:00:00Z' } },
    ],
    [
      'parameters._until: not allowed with incremental, which would leave out what changed after it',
      { incremental: {}, parameters: { _until: '2026-01-01T00:00:00Z' } },
    ],
    ['incremental.newMembers: must be "full", or left out', { ...GROUP, incremental: { newMembers: true } }],
    ['incremental.newMembers: is for level "group" only, remove it', { incremental: { newMembers: 'full' } }],
    [
      'parameters.patient: not allowed with incremental.newMembers, which exports all members',
      { ...GROUP, incremental: { newMembers: 'full' }, parameters: { patient: 'a' } },
    ],
    [
      'destination.path: not allowed with incremental.newMembers, each export has a folder of its own',
      { ...GROUP, incremental: { newMembers: 'full' }, destination: { path: 'a' } },
    ],
    ['newMembersOf: must not contain ".."', { ...GROUP, newMembersOf: '../a' }],
    ['newMembersOf: is for level "group" only, remove it', { newMembersOf: 'a' }],
    [
      'incremental: not allowed with newMembersOf, remove one of them',
      { ...GROUP, newMembersOf: 'a', incremental: {} },
    ],
    [
      'parameters.patient: not allowed with newMembersOf, which names the patients',
      { ...GROUP, newMembersOf: 'a', parameters: { patient: 'a' } },
    ],
    ['deadline: must be text', { deadline: 30 }],
    [`deadline: ${deadline}`, { deadline: '30 days' }],
    [`deadline: ${deadline}`, { deadline: '' }],
    [`deadline: ${deadline}`, { deadline: 'P0D' }],
    [`deadline: ${deadline}`, { deadline: 'P366D' }],
    ['token: unknown field, remove it', { token: 'x' }],
    ['__proto__: unknown field, remove it', JSON.parse('{"__proto__":{"level":"x"}}') as object],
  ])('%s', (problem, fields) => {
    const request = Object.defineProperties({ ...LEAST }, Object.getOwnPropertyDescriptors(fields));
    expect(problems(request)).toEqual([problem]);
  });
});

describe('a parameter that is wrong is named with its fix', () => {
  const instant = 'must be a FHIR instant with seconds and zone, such as 2026-01-01T00:00:00Z';
  const search = 'must be a search such as Observation?category=laboratory';
  const value = 'must be text, true or false, or a list of them';
  const bytes = 'must be a whole number of bytes, 1 or more';
  const formats =
    'must be one of application/fhir+ndjson, application/ndjson, ndjson, application/fhir+ndjson+gzip: other formats cannot be checked';
  const provenance =
    'must be LatestProvenanceResources, RelevantProvenanceResources, or a code of the server that begins with "_"';

  test.each<[string, unknown, string]>([
    ['type', 'Patient', `${NOT_OF_IG} (did you mean "_type"?)`],
    ['since', '2026-01-01T00:00:00Z', `${NOT_OF_IG} (did you mean "_since"?)`],
    ['Prefer', 'x', NOT_OF_IG],
    ['_', 'x', NOT_OF_IG],
    ['_a b', 'x', NOT_OF_IG],
    ['_a&b', 'x', NOT_OF_IG],
    ['constructor', 'x', NOT_OF_IG],
    ['hasOwnProperty', 'x', NOT_OF_IG],
    ['_custom', null, value],
    ['_custom', { a: 1 }, value],
    ['_custom', [['x']], value],
    ['_custom', '', 'has an empty value'],
    ['_type', [], 'is an empty list, remove it'],
    ['_type', '', 'has an empty value'],
    ['_type', 'Patient,', 'has an empty value'],
    ['_type', 'Patient,Patent', '"Patent" is not a FHIR resource type'],
    ['_type', ['patient'], '"patient" is not a FHIR resource type'],
    ['_type', [true], 'true must be text'],
    ['_since', ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'], 'takes one value, not a list'],
    ['_since', '2026-01-01', `"2026-01-01" ${instant}`],
    ['_since', 20260101, '20260101 must be text'],
    ['_until', '2026-02-30T00:00:00Z', '"2026-02-30T00:00:00Z" has a day that does not exist: 2026-02-30'],
    ['_outputFormat', 'application/fhir+json', `"application/fhir+json" ${formats}`],
    [
      '_elements',
      'Patient.name.family',
      '"Patient.name.family" names an element below the root; only root elements are allowed, such as Patient.name',
    ],
    ['_elements', 'Patent.name', '"Patent.name" begins with "Patent", which is no FHIR resource type'],
    ['_elements', 'Patient.', '"Patient." must be [ResourceType].[element] or [element]'],
    ['_elements', '*', '"*" must be [ResourceType].[element] or [element]'],
    ['patient', 'Group/1', '"Group/1" must be a reference such as Patient/123'],
    ['patient', 'Patient/a b', '"Patient/a b" must be a reference such as Patient/123'],
    ['includeAssociatedData', 'Provenance', `"Provenance" ${provenance}`],
    ['organizeOutputBy', 'Everything', '"Everything" is not a FHIR resource type'],
    ['allowPartialManifests', 'yes', '"yes" must be true or false'],
    ['allowPartialManifests', 1, '1 must be true or false'],
    ['_minimumFileSize', 0, `0 ${bytes}`],
    ['_minimumFileSize', 1.5, `1.5 ${bytes}`],
    ['_maximumFileSize', '-1', `"-1" ${bytes}`],
    ['_maximumFileSize', true, `true ${bytes}`],
    ['_typeFilter', 'Observation', `"Observation" ${search}`],
    ['_typeFilter', 'Observation?', `"Observation?" ${search}`],
    ['_typeFilter', 'Observation?code', `"Observation?code" ${search}`],
    ['_typeFilter', 'Observation?code=1&', `"Observation?code=1&" ${search}`],
    ['_typeFilter', 'Patient/1/Condition?code=1', `"Patient/1/Condition?code=1" ${search}`],
    ['_typeFilter', '?code=1', '"?code=1" must name one resource type before "?"'],
    ['_typeFilter', 'Obs?code=1', '"Obs?code=1" is for "Obs", which is no FHIR resource type'],
    ...['_sort', '_count', '_include', '_revinclude', '_summary', '_elements', '_total', '_format'].map(
      (name): [string, unknown, string] => [
        '_typeFilter',
        `Patient?active=true&${name}=x`,
        `"Patient?active=true&${name}=x" uses ${name}: search result parameters are not allowed`,
      ],
    ),
    [
      '_typeFilter',
      'Patient?_include:iterate=x',
      '"Patient?_include:iterate=x" uses _include: search result parameters are not allowed',
    ],
  ])('%s: %j', (name, value, fault) => {
    expect(problemsOf({ [name]: value })).toEqual([`parameters.${name}: ${fault}`]);
  });

  test.each(['"x"', '{"a":1}'])('__proto__: %s', (value) => {
    const request = JSON.parse(`{"server":"a","level":"patient","parameters":{"__proto__":${value}}}`) as unknown;
    expect(problems(request)).toEqual([`parameters.__proto__: ${NOT_OF_IG}`]);
  });

  test('patient at level system', () => {
    expect(problemsWith({ level: 'system', parameters: { patient: 'Patient/1' } })).toEqual([
      'parameters.patient: not allowed at level "system", use "patient" or "group"',
    ]);
  });

  test.each([
    [10, 10],
    ['11', 10],
    [11, '10'],
  ])('sizes from %j to %j', (_minimumFileSize, _maximumFileSize) => {
    expect(problemsOf({ _minimumFileSize, _maximumFileSize })).toEqual([
      'parameters._maximumFileSize: must be larger than _minimumFileSize',
    ]);
  });
});
