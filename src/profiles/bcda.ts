import type { Profile } from './profile.ts';
import { factsFrom, fileAt } from './profile.ts';

const PAGES = 'CMSgov/bcda-static-site';
const CODE = 'CMSgov/bcda-app';
const TOOLS = 'google/bulk_fhir_tools';

const access = factsFrom(
  fileAt(PAGES, '1db584caa60646ebf9d3a0ae2bbc0eedd08f49c6', 'src/_pages/api-documentation/access-claims-data.md'),
  '2026-11-29',
);
const filters = factsFrom(
  fileAt(PAGES, '10e8cc340c4bfeaffb6188a819462b4376a12a00', 'src/_pages/api-documentation/filter-claims-data.md'),
  '2026-11-29',
);
const jobs = factsFrom(
  fileAt(CODE, '028249155232c357f96ebb095459c472767ef536', 'bcda/web/middleware/ratelimit.go'),
  '2026-11-29',
);
const parameters = factsFrom(
  fileAt(CODE, '005e5e5ed745819cdf75c33b091fe5e3fb23c72f', 'bcda/web/middleware/validation.go'),
  '2026-11-29',
);
const group = factsFrom('https://groups.google.com/g/bc-api/c/tEiV6PUWty0', '2026-11-25');
const KNOWN = ['_since', '_type', '_typeFilter', '_outputFormat'];

export const bcda: Profile = {
  name: 'bcda',
  product: 'BCDA (CMS)',
  sign: {
    value: { software: 'Beneficiary Claims Data API' },
    source: fileAt(CODE, '674b37711e84c808dd074b9d1d576b5a000bb62f', 'bcda/api/v2/api.go'),
    date: '2026-11-28',
  },
  settings: {
    maxConcurrentExports: jobs(1),
    deleteFreesSlot: jobs(false),
    levels: access(['patient', 'group']),
    kickOffMethod: access('get'),
    preferences: parameters([]),
    knownParameters: parameters({ patient: KNOWN, group: KNOWN }),
    filterableTypes: filters(['ExplanationOfBenefit']),
    newPatientsInFull: filters(['group']),
    fileLagSeconds: factsFrom(
      fileAt(TOOLS, '0e714a9ad19dbc1b25d4bdadcbeb5e78319ada44', 'bulkfhir/client.go'),
      '2026-11-29',
    )(60),
    filesKeptHours: access(24),
  },
  notes: [
    {
      value: 'v3 since 2026-07-01; v1 and v2 end on 2027-07-30.',
      source: fileAt(PAGES, '221cb30b3d3ac079147584a237c3fe4743d1e86c', 'src/_announcements/bcda-launches-v3.md'),
      date: '2026-11-29',
    },
    jobs(
      'A second job is refused with 429 only where its types are among those of one in progress, of the same version.',
    ),
    group(
      '429 may have the issue code `throttled`. It comes from the token endpoint, too: that limit is for each IP address.',
    ),
    filters('`_since` before 2026-03-26 brings the whole history.'),
    filters('A `_typeFilter` knows `_tag`, `outcome` and `service-date`.'),
    parameters('There may be one `_typeFilter` only.'),
    parameters(
      'v1 and v2 ignore `_typeFilter`, and export everything: with them, set `unsupportedParameters: [_typeFilter]`.',
    ),
    {
      value: '50 resources of ExplanationOfBenefit in each file, so there are very many files.',
      source: fileAt(
        PAGES,
        'c5710009e92c5783e5a6a8708c0061c94518348b',
        '_announcements/bcda-performance-improvement-to-speed-up-job-requests.md',
      ),
      date: '2026-11-29',
    },
    {
      value: '`expires_in` of a token may be text.',
      source: fileAt(TOOLS, '5ac4cbcba5843af71f5228ed091b5485220b0dbb', 'bulkfhir/auth.go'),
      date: '2026-11-25',
    },
  ],
};
