import * as v from 'valibot';
import { Mapping, Text, wholeNumber } from '../config/fields.ts';
import { alternatives } from '../config/list-names.ts';
import { faultOfInstant } from '../fhir/instant.ts';
import type { Endpoint } from '../fhir/operations.ts';
import { ENDPOINTS } from '../fhir/operations.ts';
import { isResourceType } from '../fhir/resource-types.ts';
import { GZIPPED_NDJSON } from '../fhir/output-formats.ts';
import { ClientIdHeader, IdHeader } from './header-names.ts';
import { PROFILE_NAMES } from '../profiles/index.ts';
import type { ServerSettings } from '../profiles/settings.ts';

const DAY = 24 * 60 * 60;

const YesNo = v.boolean('must be true or false');
/** Levels of exports. */
export const Levels = listOf(oneOf('system', 'patient', 'group'));
/** Types of resources. */
export const ResourceTypes = listOf(v.pipe(Text, v.check(isResourceType, 'is not a FHIR resource type')));
/** Names of parameters. */
export const Names = listOf(Text);

const Instant = v.pipe(
  Text,
  v.check(
    (text) => faultOfInstant(text) === undefined,
    ({ input }) => faultOfInstant(input) ?? '',
  ),
);
const NotNowAnswer = v.pipe(
  Mapping,
  v.strictObject({
    status: v.optional(wholeNumber(400, 599)),
    text: v.optional(Text),
    waitSeconds: v.optional(wholeNumber(1, DAY)),
  }),
  v.check(({ status, text }) => status !== undefined || text !== undefined, 'must have a status or a text'),
);

/** The field `profile` of a server. */
export const ProfileField = v.optional(
  v.picklist(PROFILE_NAMES, `must be one of ${PROFILE_NAMES.join(', ')}`),
  'generic',
);

/** The fields of a server that take the place of what its profile says; null: nothing does, and the default holds. */
export const SETTINGS_FIELDS = {
  maxConcurrentExports: setting(wholeNumber(1, 1000)),
  exportsLimitedPer: setting(oneOf('client', 'group')),
  deleteFreesSlot: setting(YesNo),
  notNowAnswers: setting(listOf(NotNowAnswer)),
  levels: setting(Levels),
  kickOffMethod: setting(oneOf('auto', 'get', 'post')),
  lists: setting(oneOf('auto', 'comma', 'repeat')),
  typeFilterList: setting(oneOf('auto', 'comma', 'repeat')),
  typeFilterCommas: setting(oneOf('auto', 'encoded', 'plain')),
  preferences: setting(listOf(oneOf('handling=lenient', 'handling=strict', 'separate-export-status'))),
  unsupportedParameters: setting(Names),
  knownParameters: setting(perEndpoint(Names)),
  neededParameters: setting(perEndpoint(v.pipe(Mapping, v.record(v.string(), Text)))),
  patientParameter: setting(oneOf('optional', 'own-level')),
  patientInUrl: setting(oneOf('reference', 'id')),
  outputFormats: setting(listOf(v.literal(GZIPPED_NDJSON, `must be ${GZIPPED_NDJSON}`))),
  filterableTypes: setting(ResourceTypes),
  unfilterableTypes: setting(ResourceTypes),
  typeFilterNeedsType: setting(YesNo),
  typesNeedingCompany: setting(ResourceTypes),
  associatedDataNeedsType: setting(YesNo),
  sinceByDefault: setting(YesNo),
  earliestSince: setting(Instant),
  scopeSyntax: setting(oneOf('auto', 'v1', 'v2')),
  binaryScope: setting(oneOf('auto', 'always', 'never')),
  groupScope: setting(oneOf('auto', 'never')),
  requiresAccessToken: setting(oneOf('believe', 'always', 'never')),
  clientIdHeader: setting(ClientIdHeader),
  firstPollSeconds: setting(wholeNumber(1, DAY)),
  shortestPollSeconds: setting(wholeNumber(1, DAY)),
  longestPollSeconds: setting(wholeNumber(1, 30 * DAY)),
  statusLagSeconds: setting(wholeNumber(1, DAY)),
  maxConcurrentDownloads: setting(wholeNumber(1, 64)),
  maxDownloadsInAll: setting(wholeNumber(1, 10_000)),
  maxDownloadsPerFile: setting(wholeNumber(1, 1000)),
  fileLagSeconds: setting(wholeNumber(1, DAY)),
  filesKeptHours: setting(wholeNumber(1, 366 * 24)),
  linksLastSeconds: setting(wholeNumber(1, 366 * DAY)),
  reportsDeletions: setting(YesNo),
  newPatientsInFull: setting(Levels),
  transactionTimeIsEnd: setting(YesNo),
  requestIdHeaders: setting(listOf(IdHeader)),
} satisfies Record<keyof ServerSettings, v.GenericSchema>;

function setting<Value extends v.GenericSchema>(value: Value) {
  return v.optional(v.nullable(value));
}

function oneOf<const Values extends readonly string[]>(...values: Values) {
  return v.picklist(values, `must be ${alternatives(values)}`);
}

function listOf<Item extends v.GenericSchema>(item: Item) {
  return v.array(item, 'must be a list');
}

function perEndpoint<Value extends v.GenericSchema>(value: Value) {
  const fields = Object.fromEntries(ENDPOINTS.map((name) => [name, v.optional(value)]));
  return v.pipe(Mapping, v.strictObject(fields as Record<Endpoint, v.OptionalSchema<Value, undefined>>));
}
