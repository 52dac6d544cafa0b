import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const docs = factsFrom('docs.cloud.google.com, bulk-export-group', '2026-11-25');

export const google: Profile = {
  name: 'google',
  product: 'Google Cloud Healthcare API',
  settings: { levels: docs(['system', 'group']) },
  notes: [
    docs('`_type` and `_since` are documented, no other parameter.'), //
    docs('Files go to the bucket of the customer.'),
  ],
};
