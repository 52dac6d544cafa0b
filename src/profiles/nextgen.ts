import type { Profile } from './profile.ts';
import { factsFrom, fileAt } from './profile.ts';

const api = factsFrom(
  fileAt(
    'api-evangelist/nextgen-healthcare',
    '19c7a7284e1a0d4a6637475ad594d76f5297568f',
    'openapi/nextgen-office-bulk-fhir-r4-openapi.yml',
  ),
  '2026-11-29',
);

export const nextgen: Profile = {
  name: 'nextgen',
  product: 'NextGen Office',
  settings: { levels: api(['group']), kickOffMethod: api('get'), unsupportedParameters: api(['patient']) },
  notes: [
    api('Groups are made by `POST Group`, which answers 403 when there are as many as there may be.'),
    api('A kick-off is answered with 429 at its limit; no 403 is declared for it.'),
    api('The base URL ends in `/bulkfhir/r4`.'),
  ],
};
