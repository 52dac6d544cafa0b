import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const api = factsFrom('api-evangelist/athenahealth', '2026-11-25');

export const athenahealth: Profile = {
  name: 'athenahealth',
  product: 'athenahealth',
  settings: { levels: api(['group']) },
  notes: [
    api('Bulk Data 1.0.1 and 2.0.0 are declared, and no `Retry-After`.'),
    { ...api('The preview environment gives five tokens a minute.'), unverified: true },
  ],
};
