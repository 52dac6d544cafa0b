import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const CODE = 'hapifhir/hapi-fhir';
/** A server of this release was tried. */
const server = factsFrom(`https://github.com/${CODE}/releases/tag/v8.8.0`, '2026-11-25');

export const hapi: Profile = {
  name: 'hapi',
  product: 'HAPI FHIR',
  sign: {
    value: { software: 'HAPI FHIR Server' },
    source: fileAt(
      CODE,
      '230489c272717ef8328c36346b9b6543eec421ac',
      'hapi-fhir-server/src/main/java/ca/uhn/fhir/rest/server/RestfulServer.java',
    ),
    date: '2026-11-28',
  },
  settings: {
    lists: server('comma'),
    typeFilterCommas: factsFrom(
      fileAt('smart-on-fhir/smart-fetch', '037b520100410b2b4b6fe2b60268b427b9cc299d', 'smart_fetch/bulk_utils.py'),
      '2026-11-29',
    )('encoded'),
    filesKeptHours: factsFrom(issue('ohs-foundation/fhir-data-pipes', 1082), '2026-11-29')(2),
    transactionTimeIsEnd: { value: true, source: issue(CODE, 6841), date: '2026-11-25' },
  },
  notes: [
    server('Of a repeated `_type` in a POST only the first one is read.'),
    server('A `_typeFilter` beyond ASCII finds nothing, silently, unless its query is encoded.'),
    server('`Retry-After` is always 120 seconds.'),
    server('DELETE of a finished job is answered with 404.'),
    server('An equal kick-off gives the earlier job again, unless it says `Cache-Control: no-cache`.'),
    {
      value: 'After DELETE, the status URL answers 202, not 404.',
      source: issue(CODE, 7291),
      date: '2026-11-25',
    },
    {
      value: 'The manifest may lack `error`, and in older versions `request` and `requiresAccessToken`.',
      source: issue(CODE, 4084),
      date: '2026-11-25',
    },
    {
      value: 'A file may be XML or a Binary in JSON, unless `Accept` asks for NDJSON.',
      source: issue(CODE, 4051),
      date: '2026-11-25',
    },
    {
      value: '`Content-Location` may have a wrong base.',
      source: issue(CODE, 4670),
      date: '2026-11-25',
    },
    {
      value: 'With a small file capacity, a job may never end.',
      source: issue(CODE, 4511),
      date: '2026-11-25',
    },
    {
      value: 'Formats other than `application/fhir+ndjson` are rejected.',
      source: issue(CODE, 7258),
      date: '2026-11-25',
    },
  ],
};
