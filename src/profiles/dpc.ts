import type { Profile } from './profile.ts';
import { factsFrom, fileAt, issue } from './profile.ts';

const CODE = 'CMSgov/dpc-app';
const api = 'dpc-api/src/main';

const statement = factsFrom(
  fileAt(CODE, '29845bf36f9f4c98e9b7b9580112cce60f429571', `${api}/resources/DPCCapabilities.json`),
  '2026-11-25',
);
const source = factsFrom(
  fileAt(
    CODE,
    'a54931b7c3acd4b05b20a4decc0c3985dd8f1607',
    `${api}/java/gov/cms/dpc/api/resources/v1/DataResource.java`,
  ),
  '2026-11-25',
);
const kickOff = factsFrom(
  fileAt(
    CODE,
    '51c6ddcfd2976a1cf83eaf982013ef89e6bb7c8e',
    `${api}/java/gov/cms/dpc/api/resources/v1/GroupResource.java`,
  ),
  '2026-11-29',
);
const kept = factsFrom(issue(CODE, 974), '2026-11-25');

export const dpc: Profile = {
  name: 'dpc',
  product: 'DPC (CMS)',
  sign: {
    value: { software: 'Data @ Point of Care API' },
    source: fileAt(
      CODE,
      '7dadac1ea21be867e6c3fcd628f5877560e45b5d',
      `${api}/java/gov/cms/dpc/api/core/Capabilities.java`,
    ),
    date: '2026-11-28',
  },
  settings: {
    levels: statement(['group']),
    preferences: kickOff([]),
    knownParameters: kickOff({ group: ['_type', '_since', '_outputFormat'] }),
    filesKeptHours: kept(24),
  },
  notes: [
    statement('FHIR 3.0.'),
    kept('After 24 hours, status and files are 410.'),
    source('Files can be resumed by `Range`; their `ETag` is their SHA-256.'),
    source('Extensions of the manifest have the length and the SHA-256 of each file.'),
  ],
};
