import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const docs = 'https://docs.oracle.com/en/industries/health/millennium-platform-apis/mfbda';
const bulk = factsFrom(`${docs}/bulk_data_access.html`, '2026-11-25');
const groupExport = factsFrom(`${docs}/op-group-group_id-export-get.html`, '2026-11-29');
const patientExport = factsFrom(`${docs}/op-patient-export-post.html`, '2026-11-29');
const pr899 = factsFrom(issue('cerner/fhir.cerner.com', 899), '2026-11-25');
const page = factsFrom(
  fileAt(
    'cerner/fhir.cerner.com',
    '0fcb790606125a545b0523346fc4b1d59cdaf108',
    'content/millennium/bulk-data/group-export.md',
  ),
  '2026-11-29',
);
const CLIENT = 'smart-on-fhir/bulk-data-client';

export const oracleMillennium: Profile = {
  name: 'oracle-millennium',
  product: 'Oracle Health Millennium',
  sign: {
    value: { publisher: 'Cerner' },
    source: fileAt(
      'smart-on-fhir/cumulus-fhir-support',
      'a2147b0733ff91f9b6a48fe4c43d2cd1f34c2d2e',
      'cumulus_fhir_support/client.py',
    ),
    date: '2026-11-29',
  },
  settings: {
    maxConcurrentExports: groupExport(1),
    // A job is "in-progress or complete", and only those in progress are counted.
    deleteFreesSlot: page(false),
    levels: factsFrom(`${docs}/api-bulk-export.html`, '2026-11-29')(['patient', 'group']),
    lists: groupExport('comma'),
    typeFilterList: page('comma'),
    unsupportedParameters: groupExport(['_elements']),
    patientParameter: patientExport('own-level'),
    associatedDataNeedsType: groupExport(true),
    typeFilterNeedsType: pr899(true),
    unfilterableTypes: pr899(['Location', 'Organization', 'Patient', 'Practitioner', 'Provenance']),
    typesNeedingCompany: pr899(['Location', 'Organization', 'Practitioner', 'Provenance']),
    groupScope: groupExport('never'),
    binaryScope: { value: 'always', source: issue('smart-on-fhir/cumulus-etl', 187), date: '2026-11-25' },
    shortestPollSeconds: bulk(600),
    firstPollSeconds: bulk(600),
    longestPollSeconds: bulk(1800),
    filesKeptHours: bulk(720),
    maxConcurrentDownloads: { value: 4, source: issue(CLIENT, 18), date: '2026-11-25' },
    requestIdHeaders: {
      value: ['x-request-id', 'cerner-correlation-id'],
      source: issue(CLIENT, 21),
      date: '2026-11-25',
    },
  },
  notes: [
    groupExport('The limit of one export is for each client and tenant.'),
    bulk('Polls are wanted every 10 to 30 minutes.'),
    page('A `_typeFilter` may not be for a type that is not in `_type`, and there may be one for each type only.'),
    pr899('A DELETE of jobs that are done is wanted.'),
    {
      value: '`Retry-After` may be several hours.',
      source: issue(CLIENT, 14),
      date: '2026-11-25',
    },
    pr899('A file URL answers 307 to a signed URL, which must not get the token.'),
    {
      value: 'An export may be of more than 20,000 small files; 429 and 502 answer parallel downloads.',
      source: issue(CLIENT, 18),
      date: '2026-11-25',
    },
    bulk('Its group export is that of Bulk Data 1.0.1, its patient export that of 2.0.0.'),
    {
      value: 'A group has 20,000 patients at most.',
      source: fileAt('smart-on-fhir/good-neighbor', '3ef46fbffe17a4abccd174b7bae1dbfb0eb4cab7', 'docs/tips.md'),
      date: '2026-11-29',
    },
    {
      value: 'Attachments are absolute references such as `https://…/Binary/id`; the answer may be a Binary in JSON.',
      source: issue(CLIENT, 11),
      date: '2026-11-25',
    },
    {
      value: 'Soarian, another product, has a group `All_Patients`, and asks clients not to use `Patient/$export`.',
      source: 'https://docs.oracle.com/en/industries/health/soarian-clinicals-apis/sfbda/api-group-export.html',
      date: '2026-11-25',
    },
  ],
};
