import { describe, expect, test } from 'vitest';
import { notAllowed } from '../../src/fhir-server/allow.ts';

const filtered = (filter: string): string =>
  notAllowed(
    { level: 'group', groupId: 'a', parameters: { _type: 'Patient', _typeFilter: filter }, destination: 'local' },
    { types: ['Patient', 'Group'] },
  ).join('; ');

describe('a filter that asks about other types is refused: who comes says what they hold', () => {
  test.each([
    ['Patient?_has:Condition:patient:code=1', 'asks about Condition, only Patient, Group'],
    ['Patient?gender=male&_has:Condition:patient:code=1', 'asks about Condition'],
    ['Patient?gender=male%26_has%3ACondition%3Apatient%3Acode=1', 'asks about Condition'],
    ['Patient?_has:Group:member:_has:Condition:subject:code=1', 'asks about Condition'],
    ['Patient?_has:Group:member:managing-entity:Organization.name=1', 'asks about Organization'],
    ['Patient?_has=1', 'asks about a type that it does not name'],
    ['Patient?organization.name=1', 'asks about a type that it does not name'],
    ['Patient?organization:Organization.name=1', 'asks about Organization'],
    ['Patient?link:Patient.organization.name=1', 'asks about a type that it does not name'],
    ['Patient?link:Patient._has:Condition:patient:code=1', 'asks about Condition'],
    ['Patient?_list=42', 'asks about a type that it does not name'],
    ['Patient?_in=Group/42', 'asks about a type that it does not name'],
    ['Patient?_filter=organization.name eq 1', 'asks about a type that it does not name'],
  ])('%s', (filter, problem) => {
    expect(filtered(filter)).toContain(problem);
  });

  test.each([
    'Patient?_has:Group:member:code=a%7Cb',
    'Patient?_has:Group:member:_has:Group:member:code=a',
    'Patient?link:Patient.name=a.b&birthdate=gt2000-01-01',
    'Patient?general-practitioner:identifier=http://a.example/ids%7C1.2;3',
    'Patient?_id:missing=false&identifier:of-type=a%7Cb%7Cc',
  ])('but not %s', (filter) => {
    expect(filtered(filter)).toBe('');
  });
});
