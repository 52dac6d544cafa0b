import { describe, expect, test } from 'vitest';
import { listParameters, ruleOf, valuesOf } from '../../src/fhir/parameters.ts';

describe('valuesOf', () => {
  test.each<[string, string | boolean | number | (string | boolean | number)[], (string | boolean | number)[]]>([
    ['_type', 'Patient', ['Patient']],
    ['_type', 'Patient, Observation,Condition', ['Patient', 'Observation', 'Condition']],
    ['_type', ['Patient,Group', 'Device'], ['Patient', 'Group', 'Device']],
    ['_type', [], []],
    ['_type', 'Patient,', ['Patient', '']],
    ['_elements', 'id,Patient.name', ['id', 'Patient.name']],
    ['includeAssociatedData', '_a,_b', ['_a', '_b']],
    ['patient', 'Patient/1,2', ['Patient/1', 'Patient/2']],
    ['patient', ['https://a.example/Patient/3'], ['https://a.example/Patient/3']],
    ['_typeFilter', 'Encounter?status=finished,unknown', ['Encounter?status=finished,unknown']],
    ['_custom', 'a,b', ['a,b']],
    ['allowPartialManifests', 'true', [true]],
    ['allowPartialManifests', 'false', [false]],
    ['allowPartialManifests', true, [true]],
    ['allowPartialManifests', 'TRUE', ['TRUE']],
    ['_custom', 'true', ['true']],
    ['_minimumFileSize', '1024', [1024]],
    ['_maximumFileSize', '-1', ['-1']],
    ['_maximumFileSize', '1e3', ['1e3']],
    ['_custom', 5, [5]],
  ])('%s=%j has the values %j', (name, value, values) => {
    expect(valuesOf(name, value)).toEqual(values);
  });
});

test('listParameters keeps the order and drops empty lists', () => {
  expect(listParameters({ _type: 'Patient,Group', _typeFilter: [], _since: '2026-01-01T00:00:00Z', _x: true })).toEqual(
    [
      { name: '_type', values: ['Patient', 'Group'] },
      { name: '_since', values: ['2026-01-01T00:00:00Z'] },
      { name: '_x', values: [true] },
    ],
  );
});

describe('ruleOf', () => {
  test.each([
    ['_outputFormat', 'string', false],
    ['_since', 'instant', false],
    ['_until', 'instant', false],
    ['_type', 'string', true],
    ['_elements', 'string', true],
    ['patient', 'reference', true],
    ['includeAssociatedData', 'code', true],
    ['_typeFilter', 'string', true],
    ['organizeOutputBy', 'string', false],
    ['allowPartialManifests', 'boolean', false],
    ['_minimumFileSize', 'positiveInt', false],
    ['_maximumFileSize', 'positiveInt', false],
  ])('%s is a %s of the IG, a list: %s', (name, type, list) => {
    expect(ruleOf(name)).toMatchObject({ type, list });
  });

  test.each(['_custom', 'type', '__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s is none', (name) => {
    expect(ruleOf(name)).toBeUndefined();
  });
});
