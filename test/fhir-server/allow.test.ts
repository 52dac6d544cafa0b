import { describe, expect, test } from 'vitest';
import { fetchEntry } from '../../src/activities/batch/fetch-entry.ts';
import type { Batch } from '../../src/activities/batch/open-batch.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import type { Allow, AskedFor } from '../../src/fhir-server/allow.ts';
import { notAllowed } from '../../src/fhir-server/allow.ts';
import { isAllowedAttachment } from '../../src/fhir-server/allowed-attachments.ts';
import { Servers } from '../../src/fhir-server/servers.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { serverEntry } from '../support/stack.ts';

const ALLOWED: AskedFor = { level: 'group', groupId: 'a', parameters: { _type: 'Patient' }, destination: 'local' };
const refused = (allow: Allow, more: Partial<AskedFor> = {}): string =>
  notAllowed({ ...ALLOWED, ...more }, allow).join('; ');

test('without lists everything is allowed', () => {
  expect(refused({}, { level: 'system', parameters: { _custom: 'x' }, attachments: 'download' })).toBe('');
});

test('what all lists name is allowed', () => {
  const allow: Allow = {
    levels: ['group'],
    groups: ['a'],
    types: ['Patient'],
    parameters: [],
    destinations: ['local'],
  };
  expect(refused(allow)).toBe('');
  expect(refused({ ...allow, parameters: ['_since'] }, { parameters: { _type: ['Patient'], _since: 'x' } })).toBe('');
});

test('empty lists allow nothing', () => {
  for (const list of ['levels', 'groups', 'types', 'destinations']) expect(refused({ [list]: [] })).not.toBe('');
});

describe('is refused:', () => {
  test.each<[string, Allow, Partial<AskedFor>, string]>([
    ['another level', { levels: ['group'] }, { level: 'patient' }, 'level: "patient" is not allowed'],
    ['another group', { groups: ['a'] }, { groupId: 'b' }, 'groupId: "b" is not allowed'],
    ['a group in other letters', { groups: ['a'] }, { groupId: 'A' }, 'groupId: "A"'],
    ['no wildcard', { groups: ['*'] }, {}, 'groupId: "a"'],
    ['all patients, where only groups are allowed', { groups: ['a'] }, { level: 'patient' }, 'only some groups'],
    ['the whole server, where only groups are allowed', { groups: ['a'] }, { level: 'system' }, 'only some groups'],
    ['patients that may be in no group', { groups: ['a'] }, { parameters: { patient: 'Patient/1' } }, 'patient'],
    [
      'patients by way of a group',
      { levels: ['group', 'system'] },
      { parameters: { patient: 'Patient/1' } },
      'parameters.patient: is not allowed, because level "patient" is not',
    ],
    ['another destination', { destinations: ['lake'] }, {}, 'destination: "local"'],
    ['all types', { types: ['Patient'] }, { parameters: {} }, '_type: all types are not allowed'],
    ['no parameters at all', { types: ['Patient'] }, { parameters: undefined }, '_type: all types are not allowed'],
    ['an empty list of types', { types: ['Patient'] }, { parameters: { _type: [] } }, '_type: all types'],
    [
      'another type',
      { types: ['Patient'] },
      { parameters: { _type: 'Patient, Condition' } },
      'Condition is not allowed',
    ],
    [
      'another type in a filter',
      { types: ['Patient'] },
      { parameters: { _type: 'Patient', _typeFilter: ['Patient?a=b', 'Condition?c=d'] } },
      '_typeFilter: Condition',
    ],
    [
      'files of many types',
      { types: ['Patient'] },
      { parameters: { _type: 'Patient', organizeOutputBy: 'Patient' } },
      'organizeOutputBy: is not allowed',
    ],
    [
      'provenance',
      { types: ['Patient'] },
      { parameters: { _type: 'Patient', includeAssociatedData: 'LatestProvenanceResources' } },
      'Provenance is not allowed',
    ],
    [
      'associated data that nobody knows',
      { types: ['Patient', 'Provenance'] },
      { parameters: { _type: 'Patient', includeAssociatedData: '_all' } },
      "value of the server's own",
    ],
    ['attachments', { types: ['Patient'] }, { attachments: 'download' }, 'attachments: Binary'],
    ['lenient handling', { types: ['Patient'] }, { prefer: ['handling=lenient'] }, 'handling=lenient'],
    ['another parameter', { parameters: ['_since'] }, { parameters: { _until: 'x' } }, 'parameters._until'],
    ['a parameter of the server', { parameters: ['_since'] }, { parameters: { _x: 'y' } }, 'parameters._x'],
    [
      'a type by a parameter of the server',
      { types: ['Patient'] },
      { parameters: { _type: 'Patient', _Type: 'Condition' } },
      'parameters._Type',
    ],
    ['a group by a parameter of the server', { groups: ['a'] }, { parameters: { _group: 'b' } }, 'parameters._group'],
    [
      'a level by a parameter of the server',
      { levels: ['group'] },
      { parameters: { _level: 'b' } },
      'parameters._level',
    ],
  ])('%s', (_, allow, more, problem) => {
    expect(refused(allow, more)).toContain(problem);
  });
});

describe('a filter that could bring other types is refused', () => {
  const filtered = (filter: string): string =>
    refused({ types: ['Patient', 'Group'] }, { parameters: { _type: 'Patient', _typeFilter: filter } });

  test.each([
    ['Condition?code=1', '_typeFilter: Condition is not allowed'],
    ['Pat%69ent?code=1', '_typeFilter: Pat%69ent is not allowed'],
    ['Patient%3Fcode=1', '_typeFilter: Patient%3Fcode=1 is not allowed'],
    ['Patient?gender=male,Condition?code=1', 'second filter'],
    ['Patient?gender=male%2CCondition%3Fcode=1', 'second filter'],
    ['Patient?gender=male%252CCondition%253Fcode=1', 'second filter'],
    ['Patient?gender=male,Condition', 'second filter'],
    ['Patient?gender=male, Condition', 'second filter'],
    ['Patient?gender=male&_include=Patient:organization', 'not allowed with _include'],
    ['Patient?gender=male&%5finclude=Patient:organization', 'other signs than letters'],
    ['Patient?gender=male&_%72evinclude=Condition:patient', 'other signs than letters'],
    ['Patient?gender=male;_revinclude=Condition:patient', '_revinclude'],
    ['Patient?gender=male%26_include=Patient:organization', '_include'],
    ['Patient?_query=everything', 'not allowed with _query'],
  ])('%s', (filter, problem) => {
    expect(filtered(filter)).toContain(problem);
  });

  test.each([
    'Patient?gender=male,female',
    'Patient?birthdate=gt2000-01-01&_has:Group:member:code=a%7Cb',
    'Group?code=a,b',
  ])('but not %s', (filter) => {
    expect(filtered(filter)).toBe('');
  });

  test('where types are not limited, servers look at filters themselves', () => {
    expect(refused({ groups: ['a'] }, { parameters: { _typeFilter: 'Patient?a=b,Condition?c=d' } })).toBe('');
  });
});

describe('what could bring other data is refused, whatever limits it', () => {
  test.each<[string, AskedFor['parameters'], string]>([
    ['a code of the server', { includeAssociatedData: '_serversOwn' }, "value of the server's own is not allowed"],
    ['an include', { _typeFilter: 'Patient?a=b&_revinclude=Condition:patient' }, 'not allowed with _revinclude'],
    ['an encoded include', { _typeFilter: 'Patient?%5Frevinclude=Condition:patient' }, 'other signs than letters'],
  ])('%s', (_, parameters, problem) => {
    expect(refused({ groups: ['a'] }, { parameters })).toContain(`${problem}, because only some groups are`);
    expect(refused({ levels: ['group'] }, { parameters })).toContain(`${problem}, because only some levels are`);
    expect(refused({ destinations: ['local'] }, { parameters })).toBe('');
  });
});

test('what a payer calls an export by a name of its own is refused, where data is limited', () => {
  const asked = (exportType: string, allow: Allow): string =>
    refused(allow, { operation: 'davinci-data-export', parameters: { exportType } });
  expect(asked('own#everything', { groups: ['a'] })).toContain(
    "exportType: a value of the server's own is not allowed",
  );
  expect(asked('hl7.fhir.us.davinci-pdex#provider-download', { groups: ['a'] })).toBe('');
  expect(asked('own#everything', { destinations: ['local'] })).toBe('');
});

test('patients of a group may be named where level "patient" is allowed, or the parameter itself', () => {
  const parameters = { patient: 'Patient/1' };
  expect(refused({ levels: ['group', 'patient'] }, { parameters })).toBe('');
  expect(refused({ levels: ['group'], parameters: ['patient'] }, { parameters })).toBe('');
});

describe('attachments that are allowed where data is limited', () => {
  const baseUrl = 'https://a.example/fhir/r4';
  test.each([
    [`${baseUrl}/Binary/a-1.b`, true],
    [`${baseUrl}/Binary/1/_history/2`, true],
    [`${baseUrl}/Patient?_count=1000`, false],
    [`${baseUrl}/Binary?_id=1`, false],
    [`${baseUrl}/Binary/1?_format=json`, false],
    [`${baseUrl}/Binary/1/`, false],
    [`${baseUrl}/Binary/%2E%2E/Patient`, false],
    [`${baseUrl}/Binary/..%2FPatient`, false],
    ['https://a.example/fhir/r5/Binary/1', false],
    ['https://a.example/Binary/1', false],
    ['https://A.EXAMPLE:443/fhir/r4/Binary/1', true],
    ['https://files.example/Patient?_count=1000', true],
  ])('%s: %s', (url, isAllowed) => {
    for (const allow of [{ types: ['Binary'] }, { groups: ['a'] }, { levels: ['group'] as const }]) {
      expect(isAllowedAttachment(url, { baseUrl, allow: { ...allow } as Allow })).toBe(isAllowed);
    }
    expect(isAllowedAttachment(url, { baseUrl, allow: { destinations: [] } })).toBe(true);
    expect(isAllowedAttachment(url, { baseUrl, allow: undefined })).toBe(true);
  });
});

test('however much is refused, few of it is named', async () => {
  const parameters = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`_${'x'.repeat(60)}${n}`, 'x']));
  const http = new HttpClient({ headers: 1000, body: 1000 });
  const servers = { a: serverEntry('https://a.example', { allow: { parameters: [], types: ['Patient'] } }) };
  const server = await new Servers({ servers, destinations: {} }, http).get('a');
  expect(() => server.requireAllowed({ ...ALLOWED, parameters })).toThrow(/^.{1,4000} and 48\d more$/s);
  await http.close();
});

test('attachments are looked at again when they are searched', async () => {
  const http = new HttpClient({ headers: 1000, body: 1000 });
  const entry = { kind: 'attachment', type: undefined } as const;
  for (const [types, isAllowed] of [
    [['Patient'], false],
    [['Patient', 'Binary'], true],
  ] as const) {
    const servers = { a: serverEntry('https://a.example', { allow: { types: [...types] } }) };
    const server = await new Servers({ servers, destinations: {} }, http).get('a');
    const asking = expect(() => server.requireAllowedFile(entry));
    if (isAllowed) asking.not.toThrow();
    else asking.toThrow('attachments: Binary is not allowed, only Patient');
  }
  await http.close();
});

test('an attachment that was found when everything was allowed is not fetched any more', async () => {
  const http = new HttpClient({ headers: 1000, body: 1000 });
  const servers = { a: serverEntry('https://a.example', { allow: { groups: ['a'] } }) };
  const server = await new Servers({ servers, destinations: {} }, http).get('a');
  const batch = { server, earlier: new Map(), unrecorded: new Set() } as unknown as Batch;
  const entry = { kind: 'attachment', url: 'https://a.example/Patient?_count=1000' } as Entry;
  expect(await fetchEntry(batch, entry)).toEqual({
    kind: 'trouble',
    trouble: { cause: 'final', detail: 'not allowed: no Binary' },
  });
  await http.close();
});

test('what may bring more is allowed by its name', () => {
  const parameters = ['patient', '_custom'];
  expect(refused({ groups: ['a'], parameters }, { parameters: { patient: '1', _custom: 'x' } })).toBe('');
  expect(
    refused(
      { types: ['Binary', 'DocumentReference'] },
      { parameters: { _type: 'DocumentReference' }, attachments: 'download' },
    ),
  ).toBe('');
});
