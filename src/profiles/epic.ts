import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const tutorial = factsFrom('fhir.epic.com, bulk data tutorial', '2026-11-25');
const smartFetch = factsFrom('smart-on-fhir/smart-fetch, source', '2026-11-25');
const since = factsFrom('smart-on-fhir/smart-fetch, docs/since.md', '2026-11-25');
const issue = factsFrom('smart-on-fhir/bulk-data-client issue 11', '2026-11-25');

export const epic: Profile = {
  name: 'epic',
  product: 'Epic',
  sign: { value: { software: 'Epic' }, source: 'smart-on-fhir/cumulus-etl, tests of its client', date: '2026-11-28' },
  settings: {
    maxConcurrentExports: tutorial(1),
    exportsLimitedPer: tutorial('group'),
    deleteFreesSlot: tutorial(true),
    unsupportedParameters: since(['_since']),
    typeFilterCommas: smartFetch('encoded'),
    clientIdHeader: smartFetch('Epic-Client-ID'),
  },
  notes: [
    tutorial('An export runs on the production database.'),
    since('Resources have no `_lastUpdated`, so each export is of all of them.'),
    smartFetch('An export may take weeks.'),
    smartFetch('The token endpoint sometimes answers a bare 400, also to correct requests.'),
    issue('Attachments are relative references such as `Binary/id`.'),
  ],
};
