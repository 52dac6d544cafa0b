import { expect, test } from 'vitest';
import { resolveSettings } from '../../src/profiles/resolve.ts';
import { DEFAULTS } from '../../src/profiles/settings.ts';
import { parse } from './parsed.ts';

/** A value other than the default for each setting. */
const OTHER = {
  maxConcurrentExports: 2,
  exportsLimitedPer: 'group',
  deleteFreesSlot: true,
  notNowAnswers: [{ status: 403, text: 'maximum limit reached', waitSeconds: 60 }, { text: 'busy' }],
  levels: ['group'],
  kickOffMethod: 'post',
  lists: 'repeat',
  typeFilterList: 'comma',
  typeFilterCommas: 'plain',
  preferences: ['separate-export-status'],
  unsupportedParameters: ['_elements'],
  knownParameters: { group: ['_type'], 'davinci-data-export': ['_type', 'exportType'] },
  neededParameters: { group: { organizeOutputBy: 'Patient' } },
  patientParameter: 'own-level',
  patientInUrl: 'id',
  outputFormats: ['application/fhir+ndjson+gzip'],
  filterableTypes: ['Patient'],
  unfilterableTypes: ['Group'],
  typeFilterNeedsType: true,
  typesNeedingCompany: ['Location'],
  associatedDataNeedsType: true,
  sinceByDefault: true,
  earliestSince: '2020-01-01T00:00:00-05:00',
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
  linksLastSeconds: 900,
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

test.each([
  ['notNowAnswers: [{ waitSeconds: 5 }]', 'notNowAnswers.0: must have a status or a text'],
  ['notNowAnswers: [{ status: 200 }]', 'notNowAnswers.0.status: must be 400 to 599'],
  ['notNowAnswers: [{ text: a, code: b }]', 'notNowAnswers.0.code: unknown field, remove it'],
  ['knownParameters: { Group: [_type] }', 'knownParameters.Group: unknown field, remove it'],
  ['neededParameters: { group: [_type] }', 'neededParameters.group: must be a mapping'],
  ['earliestSince: 2020-01-01', 'earliestSince: must be a FHIR instant'],
  [
    'preferences: [respond-async]',
    'preferences.0: must be handling=lenient, handling=strict or separate-export-status',
  ],
])('%s is refused', (entry, fault) => {
  expect(() => parse(entry)).toThrow(fault);
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
