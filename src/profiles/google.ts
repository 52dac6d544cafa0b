import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const reference = 'https://docs.cloud.google.com/healthcare-api/docs/reference/rest';
const group = factsFrom(`${reference}/v1/projects.locations.datasets.fhirStores/bulk-export-group`, '2026-11-29');
const system = factsFrom(`${reference}/v1beta1/projects.locations.datasets.fhirStores.fhir/bulk-export`, '2026-11-29');
const COMMON = ['_type', '_since', '_outputFormat'];

export const google: Profile = {
  name: 'google',
  product: 'Google Cloud Healthcare API',
  settings: {
    levels: group(['system', 'group']),
    kickOffMethod: group('get'),
    preferences: group([]),
    knownParameters: group({ system: COMMON, group: [...COMMON, 'organizeOutputBy'] }),
    neededParameters: group({ group: { organizeOutputBy: 'Patient' } }),
  },
  notes: [
    system('At level `system`, `organizeOutputBy` is unknown.'),
    group('Files go to the bucket of the customer.'),
  ],
};
