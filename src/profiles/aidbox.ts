import type { Profile } from './profile.ts';
import { factsFrom, fileAt } from './profile.ts';

const docs = factsFrom(
  fileAt('HealthSamurai/documentation', '1812399945ebf6c9c8183f953e68a8614957012b', 'docs/api/bulk-api/export.md'),
  '2026-11-29',
);
const COMMON = ['_outputFormat', '_type', '_since'];

export const aidbox: Profile = {
  name: 'aidbox',
  product: 'Aidbox',
  settings: {
    maxConcurrentExports: docs(1),
    deleteFreesSlot: docs(false),
    kickOffMethod: docs('get'),
    knownParameters: docs({ system: COMMON, patient: [...COMMON, 'patient'], group: COMMON }),
    patientInUrl: docs('id'),
    outputFormats: docs(['application/fhir+ndjson+gzip']),
  },
  notes: [
    docs('While an export is in progress, a second one is answered with 429.'),
    docs('Files are at signed URLs of the storage.'),
  ],
};
