import { expect, test } from 'vitest';
import { resolveSettings } from '../../src/profiles/resolve.ts';
import { DEFAULTS } from '../../src/profiles/settings.ts';
import { parse } from './parsed.ts';

/** A value other than the default for each setting. */
const OTHER = {
  maxConcurrentExports: 2,
  exportsLimitedPer: 'group',
  deleteFreesSlot: true,
  levels: ['group'],
  kickOffMethod: 'post',
  lists: 'repeat',
  typeFilterCommas: 'plain',
  unsupportedParameters: ['_elements'],
  patientParameter: 'own-level',
  outputFormats: ['application/fhir+ndjson+gzip'],
  filterableTypes: ['Patient'],
  unfilterableTypes: ['Group'],
  typeFilterNeedsType: true,
  typesNeedingCompany: ['Location'],
  associatedDataNeedsType: true,
  sinceByDefault: true,
  scopeSyntax: 'v1',
  binaryScope: 'never',
  groupScope: 'never',
  requiresAccessToken: 'always',
  clientIdHeader: 'X-Client',
  firstPollSeconds: 10,
  shortestPollSeconds: 20,
  longestPollSeconds: 30,
  statusLagSeconds: 40,
  maxConcurrentDownloads: 3,
  maxDownloadsInAll: 9,
  maxDownloadsPerFile: 6,
  fileLagSeconds: 50,
  filesKeptHours: 24,
  reportsDeletions: false,
  newPatientsInFull: ['group'],
  transactionTimeIsEnd: true,
  requestIdHeaders: ['x-id'],
};

test('each setting can be configured', () => {
  expect(Object.keys(OTHER)).toEqual(Object.keys(DEFAULTS));
  const auth = 'auth: { type: client-secret, clientId: x, clientSecretEnv: S, tokenUrl: "https://a.example/token" }';
  const server = parse(`${JSON.stringify(OTHER).slice(1, -1)}, ${auth}`).servers['hospital-a'];
  expect(resolveSettings({ profile: 'generic', ...server })).toEqual(OTHER);
});

test('null takes back what the profile says', () => {
  const own = Object.keys(DEFAULTS).map((name) => `${name}: null`);
  const server = parse(`profile: oracle-millennium, ${own.join(', ')}`).servers['hospital-a'];
  expect(resolveSettings({ profile: 'generic', ...server })).toEqual(DEFAULTS);
});

test('headers are compared in lower case', () => {
  expect(parse('requestIdHeaders: [X-Own-Id]').servers['hospital-a']?.requestIdHeaders).toEqual(['x-own-id']);
});

test('allow may have every list', () => {
  const allow = {
    levels: ['group'],
    groups: ['a'],
    types: ['Patient'],
    parameters: ['_since'],
    destinations: ['local'],
  };
  expect(parse(`allow: ${JSON.stringify(allow)}`).servers['hospital-a']?.allow).toEqual(allow);
});
