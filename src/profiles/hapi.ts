import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const server = factsFrom('hapifhir/hapi-fhir 8.8, tried', '2026-11-25');
const formats = factsFrom('hapifhir/hapi-fhir issues 5392, 7258 and 7269', '2026-11-25');

export const hapi: Profile = {
  name: 'hapi',
  product: 'HAPI FHIR',
  sign: { value: { software: 'HAPI FHIR Server' }, source: 'hapifhir/hapi-fhir, source', date: '2026-11-28' },
  settings: {
    lists: server('comma'),
    typeFilterCommas: { value: 'encoded', source: 'smart-on-fhir/smart-fetch, source', date: '2026-11-25' },
    transactionTimeIsEnd: { value: true, source: 'hapifhir/hapi-fhir issue 6841', date: '2026-11-25' },
  },
  notes: [
    server('Of a repeated `_type` in a POST only the first one is read.'),
    server('A `_typeFilter` beyond ASCII finds nothing, silently, unless its query is encoded.'),
    server('`Retry-After` is always 120 seconds.'),
    server('DELETE of a finished job is answered with 404.'),
    server('An equal kick-off gives the earlier job again, unless it says `Cache-Control: no-cache`.'),
    {
      value: 'After DELETE, the status URL answers 202, not 404.',
      source: 'hapifhir/hapi-fhir issues 5849, 7261 and 7291',
      date: '2026-11-25',
    },
    {
      value: 'The manifest may lack `error`, and in older versions `request` and `requiresAccessToken`.',
      source: 'hapifhir/hapi-fhir issues 4084 and 4051',
      date: '2026-11-25',
    },
    {
      value: 'A file may be XML or a Binary in JSON, unless `Accept` asks for NDJSON.',
      source: 'hapifhir/hapi-fhir issue 4051',
      date: '2026-11-25',
    },
    {
      value: '`Content-Location` may have a wrong base.',
      source: 'hapifhir/hapi-fhir issue 4670',
      date: '2026-11-25',
    },
    {
      value: 'With a small file capacity, a job may never end.',
      source: 'hapifhir/hapi-fhir issue 4511',
      date: '2026-11-25',
    },
    formats('Formats other than `application/fhir+ndjson` are rejected.'),
  ],
};
