import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const tutorial = factsFrom('https://fhir.epic.com/Documentation?docId=fhir_bulk_data', '2026-11-25');
const smartFetch = factsFrom(
  fileAt('smart-on-fhir/smart-fetch', '037b520100410b2b4b6fe2b60268b427b9cc299d', 'smart_fetch/bulk_utils.py'),
  '2026-11-29',
);
const since = factsFrom(
  fileAt('smart-on-fhir/smart-fetch', '3d82a1b6446f6e75636887ad31fd45ae3c73852e', 'docs/since.md'),
  '2026-11-29',
);
const tips = factsFrom(
  fileAt('smart-on-fhir/good-neighbor', '3ef46fbffe17a4abccd174b7bae1dbfb0eb4cab7', 'docs/tips.md'),
  '2026-11-29',
);
const support = 'smart-on-fhir/cumulus-fhir-support';

export const epic: Profile = {
  name: 'epic',
  product: 'Epic',
  sign: {
    value: { software: 'Epic' },
    source: fileAt(support, 'a2147b0733ff91f9b6a48fe4c43d2cd1f34c2d2e', 'cumulus_fhir_support/client.py'),
    date: '2026-11-29',
  },
  settings: {
    maxConcurrentExports: tutorial(1),
    exportsLimitedPer: tutorial('group'),
    deleteFreesSlot: tutorial(true),
    // The pages say nothing of its status.
    notNowAnswers: tips([{ text: 'requested this Group too recently', waitSeconds: 3600 }]),
    unsupportedParameters: since(['_since']),
    typeFilterCommas: smartFetch('encoded'),
    clientIdHeader: factsFrom(
      fileAt(support, 'a2147b0733ff91f9b6a48fe4c43d2cd1f34c2d2e', 'cumulus_fhir_support/client.py'),
      '2026-11-29',
    )('Epic-Client-ID'),
  },
  notes: [
    tips(
      'A client may export a group once in 24 hours, unless `FHIR_BULK_CLIENT_REQUEST_WINDOW_TBL` says otherwise. Until then, a kick-off is refused; it waits.',
    ),
    tips('Epic recommends groups of no more than 1,000 patients.'),
    tutorial('An export runs on the production database.'),
    since('Resources have no `_lastUpdated`, so each export is of all of them.'),
    smartFetch('An export may take weeks.'),
    {
      value: 'The token endpoint sometimes answers a bare 400, also to correct requests.',
      source: fileAt(support, '231c088a42852b7cf8b4b2322772846a72ad29d7', 'cumulus_fhir_support/auth.py'),
      date: '2026-11-29',
    },
    {
      value: 'Attachments are relative references such as `Binary/id`.',
      source: issue('smart-on-fhir/bulk-data-client', 11),
      date: '2026-11-25',
    },
  ],
};
