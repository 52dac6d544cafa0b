import { expect, test } from 'vitest';
import type { ExportParameters, ExportRequest } from '../src/contract.ts';

// The compiler is what checks these: a directive above a line that compiles is an error.
const right: ExportRequest[] = [
  { server: 'a', level: 'system' },
  { server: 'a', level: 'patient', parameters: { patient: ['Patient/1', '2'] } },
  { server: 'a', level: 'group', groupId: 'g', parameters: { patient: 'Patient/1' } },
  {
    server: 'a',
    level: 'system',
    parameters: { _type: ['Patient'], _since: '2026-01-01T00:00:00Z', _ours: [true, 5] },
  },
  { server: 'a', level: 'system', parameters: { allowPartialManifests: 'true', organizeOutputBy: 'Patient' } },
];

const wrong: ExportRequest[] = [
  // @ts-expect-error level `group` needs a group
  { server: 'a', level: 'group' },
  // @ts-expect-error level `system` has no group
  { server: 'a', level: 'system', groupId: 'g' },
  // @ts-expect-error level `patient` has no group
  { server: 'a', level: 'patient', groupId: 'g' },
  // @ts-expect-error there is no such level
  { server: 'a', level: 'practitioner' },
  // @ts-expect-error patients cannot be chosen at level `system`
  { server: 'a', level: 'system', parameters: { patient: 'Patient/1' } },
  // @ts-expect-error fields are FHIR's or the contract's
  { server: 'a', level: 'system', url: 'https://a.example' },
];

const wrongParameters: ExportParameters[] = [
  // @ts-expect-error FHIR's name is `_type`
  { type: 'Patient' },
  // @ts-expect-error a server's own name begins with `_`
  { ours: 'x' },
  // @ts-expect-error one instant
  { _since: ['2026-01-01T00:00:00Z'] },
  // @ts-expect-error text
  { _typeFilter: 5 },
  // @ts-expect-error files of other formats cannot be checked
  { _outputFormat: 'application/fhir+parquet' },
  // @ts-expect-error true or false
  { allowPartialManifests: 'yes' },
];

test('requests that make no sense do not compile', () => {
  expect([right, wrong, wrongParameters].map(({ length }) => length)).toEqual([5, 6, 6]);
});
