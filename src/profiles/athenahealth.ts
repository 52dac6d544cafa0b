import type { Profile } from './profile.ts';
import { factsFrom, fileAt } from './profile.ts';

const api = factsFrom(
  fileAt(
    'api-evangelist/athenahealth',
    '257800dad29dd8543a87172263256bd3164ea7a8',
    'openapi/athenahealth-bulk-data-api-openapi.yml',
  ),
  '2026-11-25',
);

export const athenahealth: Profile = {
  name: 'athenahealth',
  product: 'athenahealth',
  settings: { levels: api(['group']) },
  notes: [
    api('Bulk Data 1.0.1 and 2.0.0 are declared, and no `Retry-After`.'),
    { ...api('The preview environment gives five tokens a minute.'), unverified: true },
  ],
};
