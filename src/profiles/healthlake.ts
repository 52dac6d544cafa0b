import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const docs = factsFrom('docs.aws.amazon.com, reference-fhir-operations-export', '2026-11-25');

export const healthlake: Profile = {
  name: 'healthlake',
  product: 'AWS HealthLake',
  settings: {},
  notes: [
    docs('Files go to the S3 bucket of the customer.'), //
    docs('Jobs wait in a queue: first in, first out.'),
  ],
};
