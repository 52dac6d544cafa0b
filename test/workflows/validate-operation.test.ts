import { describe, expect, test } from 'vitest';
import { validateRequest } from '../../src/policy/request/validate-request.ts';

const PAYER = { server: 'a', operation: 'davinci-data-export', level: 'group', groupId: 'g' };
const problems = (more: object): string[] => {
  const validation = validateRequest({ ...PAYER, ...more });
  return validation.kind === 'valid' ? [] : validation.problems;
};
const DELTA = 'hl7.fhir.us.davinci-pdex#provider-delta';
const SINCE = '2026-01-01T00:00:00Z';

describe('a request of a payer export', () => {
  test.each<[object]>([
    [{}],
    [{ parameters: { exportType: 'hl7.fhir.us.davinci-pdex#payertopayer' } }],
    [{ parameters: { exportType: DELTA, _since: SINCE } }],
    // Of other versions of the guide, and a payer's own.
    [{ parameters: { exportType: 'hl7.fhir.us.davinci-pdex#provider-payer' } }],
    [{ parameters: { exportType: 'https://payer.example/export-types/all|1.0' } }],
    [{ parameters: { _type: ['Coverage'], _typeFilter: 'Coverage?status=active', _until: SINCE, patient: '1' } }],
    [{ parameters: { _payersOwn: 'x' } }],
    [{ operation: 'export', parameters: { _elements: 'id' } }],
  ])('may be %j', (more) => {
    expect(problems(more)).toEqual([]);
  });

  test.each<[string, object]>([
    ['operation: must be one of export, davinci-data-export', { operation: 'everything' }],
    [
      'level: operation "davinci-data-export" has no level "patient", use group',
      { level: 'patient', groupId: undefined },
    ],
    ['groupId: is missing, level "group" needs it', { groupId: undefined }],
    [
      'parameters._elements: is no parameter of operation "davinci-data-export", remove it',
      { parameters: { _elements: 'id' } },
    ],
    [
      'parameters.exportType: is no parameter of operation "export", remove it',
      { operation: undefined, parameters: { exportType: DELTA } },
    ],
    ['parameters.exportType: needs _since, with this value', { parameters: { exportType: DELTA } }],
    [
      'parameters.exportType: takes one value, not a list',
      { parameters: { exportType: ['hl7.fhir.us.davinci-atr', 'x'] } },
    ],
  ])('%s', (problem, more) => {
    expect(problems(more)[0]).toBe(problem);
  });

  test('wants a canonical as exportType', () => {
    expect(problems({ parameters: { exportType: 'a b' } })).toEqual([
      'parameters.exportType: "a b" must be a canonical such as hl7.fhir.us.davinci-pdex#provider-download',
    ]);
  });
});
