import { expect, test } from 'vitest';
import { namesPatients, ownWords } from '../../src/policy/own-words.ts';

test.each([
  [{}, false],
  [{ parameters: { patient: ['Patient/1'] } }, true],
  [{ newMembersOf: 'a' }, true],
  [{ parameters: { _typeFilter: ['Observation?category=laboratory'] } }, false],
  [{ parameters: { _typeFilter: ['Observation?subject=Patient/123'] } }, true],
  [{ parameters: { _typeFilter: ['Patient?identifier=urn:mrn|123'] } }, true],
])('%j may name patients: %s', (request, names) => {
  expect(namesPatients(request)).toBe(names);
});

test('what others have said is left out of a failure, and what is ours is not', () => {
  expect(ownWords('KickOffRejected: HTTP 400: no Patient/123')).not.toContain('123');
  expect(ownWords('DeadlineExceeded: after P30D')).toBe('DeadlineExceeded: after P30D');
});
