import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const docs = 'https://docs.oracle.com/en/industries/health/health-ai-application-suite/aibda';
const group = factsFrom(`${docs}/op-group-group_id-export-get.html`, '2026-11-29');
const patient = factsFrom(`${docs}/op-patient-export-post.html`, '2026-11-29');
const openapi = factsFrom(`${docs}/openapi.json`, '2026-11-29');
const bulk = factsFrom(`${docs}/bulk_data_access.html`, '2026-11-29');

export const oracleAi: Profile = {
  name: 'oracle-ai',
  product: 'Oracle Health AI suite',
  settings: {
    levels: bulk(['group']),
    unsupportedParameters: group(['_typeFilter', '_elements', 'includeAssociatedData', 'patient']),
    requestIdHeaders: openapi(['opc-request-id']),
  },
  notes: [
    bulk('Bulk Data 2.0.0.'),
    patient(
      'There is an export of named patients, which customers can deploy: where it is, set `levels: [patient, group]`, `patientParameter: own-level` and `unsupportedParameters: [_typeFilter, _elements]`.',
    ),
  ],
};
