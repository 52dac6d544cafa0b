import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const bulk = factsFrom('docs.oracle.com, Millennium "Bulk Data Access" (mfbda)', '2026-11-25');
const groupExport = factsFrom('docs.oracle.com, Millennium op-group-group_id-export-get', '2026-11-25');
const patientExport = factsFrom(
  'docs.oracle.com, Millennium op-patient-export-post and op-group-group_id-export-get',
  '2026-11-29',
);
const pr899 = factsFrom('cerner/fhir.cerner.com PR 899', '2026-11-25');
const smartFetch = factsFrom('smart-on-fhir/smart-fetch, source', '2026-11-25');

export const oracleMillennium: Profile = {
  name: 'oracle-millennium',
  product: 'Oracle Health Millennium',
  sign: {
    value: { publisher: 'Cerner' },
    source: 'fhir-open.sandboxcerner.com/r4, CapabilityStatement',
    date: '2026-11-28',
  },
  settings: {
    maxConcurrentExports: bulk(1),
    levels: factsFrom('docs.oracle.com, Millennium "Bulk Data Access" (mfbda)', '2026-11-29')(['patient', 'group']),
    lists: groupExport('comma'),
    unsupportedParameters: groupExport(['_elements']),
    patientParameter: patientExport('own-level'),
    associatedDataNeedsType: groupExport(true),
    typeFilterNeedsType: smartFetch(true),
    unfilterableTypes: smartFetch(['Location', 'Organization', 'Patient', 'Practitioner', 'Provenance']),
    typesNeedingCompany: pr899(['Location', 'Organization', 'Practitioner', 'Provenance']),
    groupScope: bulk('never'),
    binaryScope: { value: 'always', source: 'smart-on-fhir/cumulus-etl PR 187', date: '2026-11-25' },
    shortestPollSeconds: bulk(600),
    firstPollSeconds: bulk(600),
    longestPollSeconds: bulk(1800),
    filesKeptHours: bulk(720),
    maxConcurrentDownloads: { value: 4, source: 'smart-on-fhir/bulk-data-client issue 18', date: '2026-11-25' },
    requestIdHeaders: {
      value: ['x-request-id', 'cerner-correlation-id'],
      source: 'smart-on-fhir/bulk-data-client issues 21 and 22',
      date: '2026-11-25',
    },
  },
  notes: [
    bulk('The limit of one export is for each client and tenant. Polls are wanted every 10 to 30 minutes.'),
    pr899('A DELETE of jobs that are done is wanted.'),
    {
      value: '`Retry-After` may be several hours.',
      source: 'smart-on-fhir/bulk-data-client PR 14',
      date: '2026-11-25',
    },
    pr899('A file URL answers 307 to a signed URL, which must not get the token.'),
    {
      value: 'An export may be of more than 20,000 small files; 429 and 502 answer parallel downloads.',
      source: 'smart-on-fhir/bulk-data-client issue 18',
      date: '2026-11-25',
    },
    bulk('Its group export is that of Bulk Data 1.0.1, its patient export that of 2.0.0.'),
    smartFetch('A group has about 1000 patients at most.'),
    {
      value: 'Attachments are absolute references such as `https://…/Binary/id`; the answer may be a Binary in JSON.',
      source: 'smart-on-fhir/bulk-data-client issue 11',
      date: '2026-11-25',
    },
    {
      value: 'Soarian, another product, has a group `All_Patients`, and asks clients not to use `Patient/$export`.',
      source: 'docs.oracle.com, Soarian "Bulk Data Access" (sfbda)',
      date: '2026-11-25',
    },
  ],
};
