import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const api = factsFrom('api-evangelist/nextgen-healthcare', '2026-11-25');

export const nextgen: Profile = {
  name: 'nextgen',
  product: 'NextGen Office',
  settings: {},
  notes: [
    api('Groups are made by `POST Group`.'),
    api('403 says that a limit is reached, too.'),
    api('The base URL ends in `/bulkfhir/r4`.'),
  ],
};
