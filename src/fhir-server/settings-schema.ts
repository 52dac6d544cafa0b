import * as v from 'valibot';
import { Text, wholeNumber } from '../config/fields.ts';
import { alternatives } from '../config/list-names.ts';
import { isResourceType } from '../fhir/resource-types.ts';
import { GZIPPED_NDJSON } from '../fhir/output-formats.ts';
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

/** The field `profile` of a server. */
export const ProfileField = v.optional(
  v.picklist(PROFILE_NAMES, `must be one of ${PROFILE_NAMES.join(', ')}`),
  'generic',
);

/** The fields of a server that take the place of what its profile says. */
export const SETTINGS_FIELDS = {
  maxConcurrentExports: v.optional(wholeNumber(1, 1000)),
  exportsLimitedPer: v.optional(oneOf('client', 'group')),
  deleteFreesSlot: v.optional(YesNo),
  levels: v.optional(Levels),
  kickOffMethod: v.optional(oneOf('auto', 'get', 'post')),
  lists: v.optional(oneOf('auto', 'comma', 'repeat')),
  typeFilterCommas: v.optional(oneOf('auto', 'encoded', 'plain')),
  unsupportedParameters: v.optional(Names),
  outputFormats: v.optional(listOf(v.literal(GZIPPED_NDJSON, `must be ${GZIPPED_NDJSON}`))),
  filterableTypes: v.optional(ResourceTypes),
  unfilterableTypes: v.optional(ResourceTypes),
  typeFilterNeedsType: v.optional(YesNo),
  typesNeedingCompany: v.optional(ResourceTypes),
  associatedDataNeedsType: v.optional(YesNo),
  scopeSyntax: v.optional(oneOf('auto', 'v1', 'v2')),
  binaryScope: v.optional(oneOf('auto', 'always', 'never')),
  groupScope: v.optional(oneOf('auto', 'never')),
  requiresAccessToken: v.optional(oneOf('believe', 'always', 'never')),
  clientIdHeader: v.optional(v.pipe(Text, v.regex(/^[A-Za-z0-9-]+$/, 'is no header name'))),
  firstPollSeconds: v.optional(wholeNumber(1, DAY)),
  shortestPollSeconds: v.optional(wholeNumber(1, DAY)),
  longestPollSeconds: v.optional(wholeNumber(1, 30 * DAY)),
  statusLagSeconds: v.optional(wholeNumber(1, DAY)),
  maxConcurrentDownloads: v.optional(wholeNumber(1, 64)),
  maxDownloadsInAll: v.optional(wholeNumber(1, 10_000)),
  maxDownloadsPerFile: v.optional(wholeNumber(1, 1000)),
  fileLagSeconds: v.optional(wholeNumber(1, DAY)),
  filesKeptHours: v.optional(wholeNumber(1, 366 * 24)),
  reportsDeletions: v.optional(YesNo),
  newPatientsInFull: v.optional(Levels),
  requestIdHeaders: v.optional(listOf(v.pipe(Text, v.toLowerCase()))),
} satisfies Record<keyof ServerSettings, v.GenericSchema>;

function oneOf<const Values extends readonly string[]>(...values: Values) {
  return v.picklist(values, `must be ${alternatives(values)}`);
}

function listOf<Item extends v.GenericSchema>(item: Item) {
  return v.array(item, 'must be a list');
}
