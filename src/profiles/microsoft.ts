import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const docs = factsFrom('learn.microsoft.com, configure-export-data', '2026-11-25');
const source = factsFrom('microsoft/fhir-server, source', '2026-11-25');

export const microsoft: Profile = {
  name: 'microsoft',
  product: 'Microsoft (Azure Health Data Services, open-source FHIR server)',
  settings: {},
  notes: [
    docs('Files go to the storage account of the customer, which needs credentials of its own.'),
    docs('Parameters of its own: `_container`, `_till`, `_isParallel`.'),
    source('The open-source server runs one job at a time, unless its instance is configured otherwise.'),
    docs('Azure API for FHIR ended on 2026-09-30.'),
    { value: 'Unknown parameters are 400.', source: 'microsoft/fhir-server issues 365 and 342', date: '2026-11-25' },
  ],
};
