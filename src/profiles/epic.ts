import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const tutorial = factsFrom('fhir.epic.com, bulk data tutorial', '2026-11-25');
const smartFetch = factsFrom('smart-on-fhir/smart-fetch, source', '2026-11-25');
const issue = factsFrom('smart-on-fhir/bulk-data-client issue 11', '2026-11-25');

export const epic: Profile = {
  name: 'epic',
  product: 'Epic',
  sign: { value: { software: 'Epic' }, source: 'smart-on-fhir/cumulus-etl, tests of its client', date: '2026-11-28' },
  settings: {
    maxConcurrentExports: tutorial(1),
    exportsLimitedPer: tutorial('group'),
    deleteFreesSlot: tutorial(true),
    unsupportedParameters: tutorial(['_since']),
    typeFilterCommas: smartFetch('encoded'),
    clientIdHeader: smartFetch('Epic-Client-ID'),
  },
  notes: [
    tutorial('An export runs on the production database, and all of it each time: resources have no `_lastUpdated`.'),
    smartFetch('An export may take weeks.'),
    smartFetch('The token endpoint sometimes answers a bare 400, also to correct requests.'),
    issue('Attachments are relative references such as `Binary/id`.'),
  ],
};
