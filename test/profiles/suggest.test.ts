import { expect, test } from 'vitest';
import { suggestProfile } from '../../src/profiles/suggest.ts';

test.each<[object, string | undefined]>([
  [{ software: { name: 'Epic', version: 'November 2025' } }, 'epic'],
  [{ publisher: 'Cerner' }, 'oracle-millennium'],
  [{ software: { name: 'Beneficiary Claims Data API' } }, 'bcda'],
  [{ software: { name: 'HAPI FHIR Server' }, publisher: 'Not provided' }, 'hapi'],
  [{ publisher: 'Firely' }, 'firely'],
  [{ software: { name: 'SMART Sample Bulk Data Server' } }, undefined],
  [{ software: 'Epic', publisher: ['Cerner'] }, undefined],
  [{}, undefined],
])('%o suggests %s', (statement, name) => {
  expect(suggestProfile(statement as Record<string, unknown>)?.name).toBe(name);
});
