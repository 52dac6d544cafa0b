import type { Profile } from './profile.ts';
import { factsFrom } from './profile.ts';

const docs = factsFrom('FirelyTeam/firely-docs-firely-server, bulkdataexport.rst', '2026-11-25');

export const firely: Profile = {
  name: 'firely',
  product: 'Firely Server',
  sign: { value: { publisher: 'Firely' }, source: 'FirelyTeam/firely-docs-firely-server', date: '2026-11-28' },
  settings: {
    scopeSyntax: docs('v1'),
    requiresAccessToken: docs('always'),
    unsupportedParameters: docs(['_typeFilter']),
  },
  notes: [
    docs('Files are sent for `Accept: application/fhir+ndjson` only.'),
    docs('After its retention time, a job is 410.'),
  ],
};
