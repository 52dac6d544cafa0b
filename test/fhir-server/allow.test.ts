import { describe, expect, test } from 'vitest';
import type { Allow, AskedFor } from '../../src/fhir-server/allow.ts';
import { notAllowed } from '../../src/fhir-server/allow.ts';

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
      'another type as header',
      { types: ['Patient'] },
      { parameters: { _type: 'Patient', organizeOutputBy: 'Group' } },
      'organizeOutputBy: Group',
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
      "code of the server's own",
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
