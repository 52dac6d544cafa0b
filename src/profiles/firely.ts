import type { Profile } from './profile.ts';
import { factsFrom, fileAt } from './profile.ts';

const DOCS = 'FirelyTeam/firely-docs-firely-server';
const docs = factsFrom(
  fileAt(DOCS, '0445c8c498e1ac865145d7e43dd37d89a87c0b58', 'features_and_tools/bulkdataexport.rst'),
  '2026-11-29',
);
// The page does not name `_outputFormat`, which every version of the Bulk Data guide asks servers to know.
const KNOWN = ['_since', '_until', '_type', '_elements', '_outputFormat'];

export const firely: Profile = {
  name: 'firely',
  product: 'Firely Server',
  sign: {
    value: { publisher: 'Firely' },
    source: fileAt(DOCS, 'c0210f178251724e23db1e8212eab25436649218', 'features/postman_tutorial.rst'),
    date: '2026-11-29',
  },
  settings: {
    scopeSyntax: docs('v1'),
    requiresAccessToken: docs('always'),
    knownParameters: docs({ system: KNOWN, patient: [...KNOWN, 'patient'], group: [...KNOWN, 'patient'] }),
  },
  notes: [
    docs('Files are sent for `Accept: application/fhir+ndjson` only.'),
    docs('After its retention time, a job is 410.'),
    docs('`patient` is read by POST only.'),
  ],
};
