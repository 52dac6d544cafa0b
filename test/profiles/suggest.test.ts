import { expect, test } from 'vitest';
import { profileOf } from '../../src/profiles/index.ts';
import { compareProfile, suggestProfile } from '../../src/profiles/suggest.ts';

test.each<[object, string | undefined]>([
  [{ software: { name: 'Epic', version: 'November 2025' } }, 'epic'],
  [{ publisher: 'Cerner' }, 'oracle-millennium'],
  [{ software: { name: 'Beneficiary Claims Data API' } }, 'bcda'],
  [{ software: { name: 'HAPI FHIR Server' }, publisher: 'Not provided' }, 'hapi'],
  [{ publisher: 'Firely' }, 'firely'],
  [{ publisher: 'Medplum', software: { name: 'medplum' } }, 'medplum'],
  [{ publisher: 'Microsoft' }, 'microsoft'],
  [{ publisher: 'IBM Corporation', software: { name: 'IBM FHIR Server' } }, 'linuxforhealth'],
  [{ software: { name: 'SMART Sample Bulk Data Server' } }, undefined],
  [{ software: 'Epic', publisher: ['Cerner'] }, undefined],
  [{}, undefined],
])('%o suggests %s', (statement, name) => {
  expect(suggestProfile(statement as Record<string, unknown>)?.name).toBe(name);
});

const EPIC = { software: { name: 'Epic' } };
const HAPI = { software: { name: 'HAPI FHIR Server' } };
const CERNER = { publisher: 'Cerner' };
const OTHER = { software: { name: 'Something else' } };

test.each<[string, object, string]>([
  ['epic', EPIC, 'fits'],
  ['generic', OTHER, 'fits'],
  ['generic', HAPI, 'other'],
  ['bcda', EPIC, 'other'],
  ['epic', HAPI, 'other'],
  // There is a sign of these.
  ['medplum', EPIC, 'other'],
  ['medplum', OTHER, 'notShown'],
  ['epic', {}, 'notShown'],
  // There is none of these.
  ['aidbox', EPIC, 'other'],
  ['nextgen', CERNER, 'other'],
  ['nextgen', OTHER, 'noSign'],
  ['smile', HAPI, 'noSign'],
  ['nextgen', HAPI, 'noSign'],
  ['oracle-ai', CERNER, 'noSign'],
  ['oracle-ai', EPIC, 'other'],
])('profile %s and %o: %s', (configured, statement, kind) => {
  expect(compareProfile(profileOf(configured), statement as Record<string, unknown>).kind).toBe(kind);
});
