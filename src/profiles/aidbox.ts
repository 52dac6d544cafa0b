import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const docs = factsFrom('HealthSamurai/documentation, export.md', '2026-11-25');

export const aidbox: Profile = {
  name: 'aidbox',
  product: 'Aidbox',
  settings: {
    maxConcurrentExports: docs(1),
    outputFormats: docs(['application/fhir+ndjson+gzip']),
  },
  notes: [
    docs('A second export is answered with 429.'), //
    docs('Files are at signed URLs of the storage.'),
  ],
};
