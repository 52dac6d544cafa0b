import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const statement = factsFrom('CMSgov/dpc-app, CapabilityStatement', '2026-11-25');
const source = factsFrom('CMSgov/dpc-app, DataResource.java', '2026-11-25');
const pr = factsFrom('CMSgov/dpc-app PR 974', '2026-11-25');

export const dpc: Profile = {
  name: 'dpc',
  product: 'DPC (CMS)',
  sign: { value: { software: 'Data @ Point of Care API' }, source: 'CMSgov/dpc-app, source', date: '2026-11-28' },
  settings: { filesKeptHours: pr(24) },
  notes: [
    statement('FHIR 3.0.'),
    pr('After 24 hours, status and files are 410.'),
    source('Files can be resumed by `Range`; their `ETag` is their SHA-256.'),
    source('Extensions of the manifest have the length and the SHA-256 of each file.'),
  ],
};
