import { describe, expect, test } from 'vitest';
import { chooseSyntax, deriveScopes, missingTypes, scopeChoices, uncoveredTypes } from '../../src/fhir/scopes.ts';

test.each([
  ['v2', ['permission-v1', 'permission-v2'], []],
  ['v1', ['permission-v1'], ['system/*.rs']],
  ['v1', [], ['openid', 'system/*.read']],
  ['v1', [], ['system/Patient.read', 'system/Patient.write']],
  ['v2', [], ['system/Patient.read', 'system/Patient.rs']],
  ['v2', [], ['system/Patient.cruds']],
  ['v2', [], ['patient/*.read']],
  ['v2', [], []],
] as const)('the syntax is %s for %j and %j', (syntax, capabilities, scopesSupported) => {
  expect(chooseSyntax({ capabilities, scopesSupported })).toBe(syntax);
});

describe('the least scopes', () => {
  test.each([
    ['system/Patient.rs system/Group.rs', 'group', ['Patient'], false, 'v2'],
    ['system/Patient.read system/Observation.read', 'patient', ['Patient', 'Observation'], false, 'v1'],
    ['system/Patient.rs', 'system', ['Patient', 'Patient'], false, 'v2'],
    ['system/Group.rs', 'group', ['Group'], false, 'v2'],
    ['system/DocumentReference.rs system/Binary.rs', 'patient', ['DocumentReference'], true, 'v2'],
    ['system/*.rs', 'group', [], true, 'v2'],
    ['system/*.read', 'system', [], false, 'v1'],
  ] as const)('are %s', (scopes, level, types, attachments, syntax) => {
    expect(deriveScopes({ level, types, attachments }, syntax)).toBe(scopes);
  });
});

describe('types that were not granted', () => {
  test.each([
    [[], 'system/Patient.rs system/Group.rs', 'system/Group.rs system/Patient.rs'],
    [['Group'], 'system/Patient.rs system/Group.rs', 'system/Patient.rs'],
    [['Patient', 'Group'], 'system/Patient.rs system/Group.rs', 'system/Observation.rs'],
    [[], 'system/Patient.rs', 'system/*.rs'],
    [[], 'system/Patient.rs', 'system/*.read'],
    [[], 'system/Patient.rs', 'system/*.*'],
    [[], 'system/Patient.read', 'system/Patient.cruds'],
    [[], 'system/Patient.rs', 'system/Patient.r'],
    [['Observation'], 'system/Observation.rs', 'system/Observation.rs?category=laboratory'],
    [[], 'system/Observation.rs?category=laboratory', 'system/Observation.rs?category=laboratory'],
    [[], 'system/Observation.rs?category=laboratory', 'system/*.read'],
    [['*'], 'system/*.rs', 'system/Patient.rs'],
    [['Patient'], 'system/Patient.rs', 'system/Patient.cud'],
    [['Patient'], 'system/Patient.rs', 'system/Patient.write'],
    [['Patient'], 'system/Patient.rs', 'patient/Patient.rs user/Patient.rs'],
    [['Patient'], 'system/Patient.rs', 'all'],
    [[], 'system/Patient.rs', undefined],
    [[], 'system/Patient.rs', ' '],
  ])('are %j of %s, granted %s', (missing, asked, granted) => {
    expect(missingTypes(asked, granted)).toEqual(missing);
  });
});

describe('scopes to ask for while the server knows none of them', () => {
  test.each([
    [
      ['system/Patient.rs system/Group.rs system/Binary.rs', 'system/Patient.rs system/Group.rs', 'system/Patient.rs'],
      'group',
      ['Patient'],
      true,
    ],
    [['system/Patient.rs system/Binary.rs', 'system/Patient.rs'], 'patient', ['Patient'], true],
    [['system/Patient.rs system/Group.rs', 'system/Patient.rs'], 'group', ['Patient'], false],
    [['system/Binary.rs'], 'system', ['Binary'], true],
    [['system/*.rs'], 'group', [], true],
  ] as const)('are %j', (scopes, level, types, attachments) => {
    expect(scopeChoices({ level, types, attachments }, 'v2')).toEqual(scopes);
  });
});

describe('types that a configured scope does not cover', () => {
  test.each([
    [[], 'system/*.read', []],
    [[], 'system/*.rs', ['Patient']],
    [[], 'system/*.*', ['Patient']],
    [[], 'openid  fhirUser system/Patient.cruds', ['Patient']],
    [['*'], 'system/Patient.read', []],
    [['Observation'], 'system/Patient.read', ['Patient', 'Observation']],
    [['Observation'], 'system/Patient.rs system/Observation.rs?category=laboratory', ['Patient', 'Observation']],
    [['Patient'], 'system/Patient.write', ['Patient']],
    // Not SMART's words: what they cover is not known.
    [[], 'https://fhir.example/.default', ['Patient']],
    [[], 'fhir-bulk system/Patient.read', ['Observation']],
    [[], 'user/Patient.read', ['Patient']],
    [[], '', ['Patient']],
  ])('are %j of %s, for %j', (uncovered, configured, types) => {
    expect(uncoveredTypes(configured, types)).toEqual(uncovered);
  });
});
