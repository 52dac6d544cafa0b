import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const PAGES = 'CMSgov/ab2d-website';
const CODE = 'CMSgov/ab2d';
const KNOWN = ['_type', '_since', '_until', '_outputFormat'];
const controllers = 'api/src/main/java/gov/cms/ab2d/api/controller';

const wiki = factsFrom(`https://github.com/${CODE}/wiki`, '2026-11-25');
const access = factsFrom(
  fileAt(PAGES, '0d75050f61b2134c6f12edbdbe359e0e83aad26d', 'src/_pages/access-production-claims-data.md'),
  '2026-11-29',
);
const parameters = factsFrom(
  fileAt(PAGES, '82f74e4c180dcaa0b7cace969f30500ac49adf5d', 'src/_pages/query-parameters-v2.md'),
  '2026-11-29',
);
const filters = factsFrom(
  fileAt(PAGES, '11aa12bd9bf929f2c3f2c048860b083758214547', 'src/_pages/filter-claims-data-v2.md'),
  '2026-11-29',
);
const filtersV1 = factsFrom(
  fileAt(PAGES, '82f74e4c180dcaa0b7cace969f30500ac49adf5d', 'src/_pages/filter-claims-data-v1.md'),
  '2026-11-29',
);
const jobs = factsFrom(
  fileAt(CODE, '073ce5aefb083adf8d331c9eaf218e104599d65e', `${controllers}/common/ApiCommon.java`),
  '2026-11-29',
);
const kickOff = factsFrom(
  fileAt(CODE, '029a605aaa69d5c8a6d798cbd26c0aaf49b0a34b', `${controllers}/v2/BulkDataAccessAPIV2.java`),
  '2026-11-29',
);

export const ab2d: Profile = {
  name: 'ab2d',
  product: 'AB2D (CMS)',
  sign: {
    value: { software: 'AB2D' },
    source: fileAt(
      CODE,
      '042e8b0db2854cd87c2a8bf8d11f84c7c2fa8dc7',
      `${controllers}/common/AB2DCapabilityStatementFactory.java`,
    ),
    date: '2026-11-28',
  },
  settings: {
    maxConcurrentExports: factsFrom(issue(CODE, 86), '2026-11-25')(1),
    deleteFreesSlot: jobs(false),
    levels: kickOff(['patient', 'group']),
    kickOffMethod: kickOff('get'),
    preferences: kickOff([]),
    // `_type` is in the code only, and `_until` not yet in the copy of the code that was read.
    knownParameters: parameters({ patient: KNOWN, group: KNOWN }),
    maxDownloadsPerFile: access(6),
    filesKeptHours: access(72),
    sinceByDefault: filters(true),
    earliestSince: parameters('2020-01-01T00:00:00-05:00'),
    shortestPollSeconds: factsFrom(issue(CODE, 17), '2026-11-25')(60),
  },
  notes: [
    wiki(
      'v3, for early adopters, adds `_typeFilter`: with it, set `knownParameters: { patient: [_type, _since, _until, _outputFormat, _typeFilter] }`.',
    ),
    parameters(
      '`_until` is only in v2. With v1, set `knownParameters: { patient: [_type, _since, _outputFormat], group: [_type, _since, _outputFormat] }`.',
    ),
    parameters(
      'The earliest `_since` is the date of the organization’s attestation, where that is later than 2020: then set `earliestSince`.',
    ),
    kickOff('The code reads no other parameters.'),
    access('A job that takes more than 30 hours fails.'),
    filters('Without `_since`, v2 exports what is new since the last job whose files were downloaded.'),
    parameters('A `_since` before 2020 is replaced with that default.'),
    jobs('The code refuses a `_since` before 2020 instead.'),
    filtersV1('Without `_since`, v1 exports everything: with it, set `sinceByDefault: false`.'),
    kickOff(
      '`_type` may be ExplanationOfBenefit only. A 429 has the status URL of the running job in `Content-Location`.',
    ),
    { ...wiki('Clients need a registered static IP address.'), unverified: true },
  ],
};
