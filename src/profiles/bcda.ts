import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const pages = factsFrom('CMSgov/bcda-static-site, pages of v3', '2026-11-25');
const tools = factsFrom('google/bulk_fhir_tools, client.go', '2026-11-25');
const group = factsFrom('groups.google.com/g/bc-api, threads tEiV6PUWty0 and Adr-4TF3OzM', '2026-11-25');

export const bcda: Profile = {
  name: 'bcda',
  product: 'BCDA (CMS)',
  sign: { value: { software: 'Beneficiary Claims Data API' }, source: 'CMSgov/bcda-app, source', date: '2026-11-28' },
  settings: {
    maxConcurrentExports: pages(1),
    levels: pages(['patient', 'group']),
    filterableTypes: pages(['ExplanationOfBenefit']),
    newPatientsInFull: pages(['group']),
    fileLagSeconds: tools(60),
    filesKeptHours: { value: 24, source: 'CMSgov/bcda-static-site, access-claims-data.md', date: '2026-11-25' },
  },
  notes: [
    pages('v3 since 2026-07-01; v1 and v2 end on 2027-07-30.'),
    pages('A second job is answered with 429 and the issue code `throttled`.'),
    pages('`_since` before 2026-03-26 brings the whole history.'),
    pages('A `_typeFilter` knows `_tag`, `outcome` and `service-date`.'),
    pages('50 resources of ExplanationOfBenefit in each file, so there are very many files.'),
    group('429 also at the token endpoint; the limit is for each IP address.'),
    {
      value: '`expires_in` of a token may be text.',
      source: 'google/bulk_fhir_tools, auth.go',
      date: '2026-11-25',
    },
  ],
};
