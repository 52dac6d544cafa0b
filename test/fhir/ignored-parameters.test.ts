import { expect, test } from 'vitest';
import { ignoredParameters } from '../../src/fhir/ignored-parameters.ts';

test.each([
  ['Unknown reference of patient 12', 'processing', []],
  ['Binary is not supported for this patient', 'not-supported', []],
  ['The parameter patient is not supported', 'not-supported', ['The server says that it ignores patient.']],
  ['Unknown parameter "patient"', 'invalid', ['The server says that it ignores patient.']],
])('an issue of data is no parameter that is ignored: %s', (text, code, messages) => {
  const issues = [{ severity: 'warning', code, text }];
  expect(ignoredParameters(issues, ['_type', 'patient']).map(({ message }) => message)).toEqual(messages);
});
