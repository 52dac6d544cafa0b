import { describe, expect, test } from 'vitest';
import { buildKickOff } from '../../src/fhir/kick-off.ts';
import { listParameters } from '../../src/fhir/parameters.ts';
import { encodeTypeFilter } from '../../src/fhir/type-filter.ts';
import { readAsHapi, readAsIg2, readAsSmart } from './kick-off-readers.ts';

test.each([
  ['Patient?family=Müller', 'Patient?family=M%C3%BCller'],
  ['Patient?family=M%C3%BCller', 'Patient?family=M%C3%BCller'],
  ['Patient?family=𠮷野', 'Patient?family=%F0%A0%AE%B7%E9%87%8E'],
  ['Patient?family=de la Cruz', 'Patient?family=de%20la%20Cruz'],
  ['Patient?family=a\tb\u007f', 'Patient?family=a%09b%7F'],
  ['Observation?value-string=#1', 'Observation?value-string=%231'],
  ['Observation?value-string=5%', 'Observation?value-string=5%25'],
  ['Observation?value-string=5%2', 'Observation?value-string=5%252'],
  ['Observation?value-string=5%zz%25%2c', 'Observation?value-string=5%25zz%25%2c'],
  [
    'Observation?code=http://loinc.org|4548-4,8480-6&date=ge2026-01-01T00:00:00+01:00',
    'Observation?code=http://loinc.org|4548-4,8480-6&date=ge2026-01-01T00:00:00%2B01:00',
  ],
  [
    'Observation?date=ge2026-01-01T00:00+01:00,le2026-01-01T00:00:00.5+01:00',
    'Observation?date=ge2026-01-01T00:00%2B01:00,le2026-01-01T00:00:00.5%2B01:00',
  ],
  ['Patient?family=de+la+Cruz', 'Patient?family=de+la+Cruz'],
])('the filter %s is sent as %s', (filter, encoded) => {
  expect(encodeTypeFilter(filter)).toBe(encoded);
  expect(encodeTypeFilter(encoded)).toBe(encoded);
});

test('half a surrogate pair is refused, not replaced', () => {
  expect(() => encodeTypeFilter('Patient?family=\ud842')).toThrow(URIError);
});

describe.each(['get', 'post'] as const)('by %s, lists and filters are understood', (method) => {
  const request = buildKickOff({
    baseUrl: 'https://a.example/fhir',
    level: 'system',
    parameters: listParameters({
      _type: ['Patient', 'MedicationRequest', 'Observation'],
      _typeFilter: [
        'Patient?family=Müller&given=José María',
        'MedicationRequest?status=active,completed',
        'Observation?code=http://loinc.org|4548-4&value-string=50%25&date=ge2026-01-01T00:00:00+01:00',
      ],
    }),
    prefer: [],
    method,
    operation: 'export',
  });

  test.each([
    ['HAPI FHIR', readAsHapi],
    ['the SMART reference server', readAsSmart],
    ['a server of IG 2 that does not say so', readAsIg2],
  ])('by %s', (_, read) => {
    expect(read(request)).toEqual({
      types: ['Patient', 'MedicationRequest', 'Observation'],
      filters: [
        ['Patient', { family: 'Müller', given: 'José María' }],
        ['MedicationRequest', { status: 'active,completed' }],
        [
          'Observation',
          { code: 'http://loinc.org|4548-4', 'value-string': '50%', date: 'ge2026-01-01T00:00:00+01:00' },
        ],
      ],
    });
  });
});
