import * as v from 'valibot';
import type { ExportRequest } from '../contract.ts';
import { MAX_REQUEST_BYTES } from '../contract.ts';
import { parseDuration } from '../fhir/duration.ts';
import { faultOfInstant } from '../fhir/instant.ts';
import { ruleOf, valuesOf } from '../fhir/parameters.ts';
import { isResourceType } from '../fhir/resource-types.ts';

/** A request that has passed, or every problem with it, each naming the field and its fix. */
export type Validation = { request: ExportRequest } | { problems: string[] };

const LEVELS = ['system', 'patient', 'group'] as const;
const PREFERENCES = ['handling=lenient', 'handling=strict', 'separate-export-status'] as const;
const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const OUTPUT_FORMATS = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'];
/** A failure's message must stay small, whatever the request holds. */
const MOST_PROBLEMS = 20;
const LONGEST_QUOTATION = 100;
const DAY = 24 * 60 * 60 * 1000;

/** FHIR search result parameters, which a `_typeFilter` shall not use (Bulk Data IG 2.0, `_typeFilter`). */
const RESULT_PARAMETERS = new Set(
  '_sort _count _include _revinclude _summary _total _elements _contained _containedType _graph _maxresults _score _format _pretty'.split(
    ' ',
  ),
);

const Text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'));
const Value = v.union([v.string(), v.boolean(), v.number()]);
const Values = v.union([Value, v.array(Value)], 'must be text, true or false, or a list of them');

const Mapping = v.custom<Record<string, unknown>>(isObject, 'must be an object');

const DESTINATION = {
  name: v.optional(Text),
  path: v.optional(v.pipe(v.string('must be text'), v.check(isSafePath, faultOfPath))),
};
const REQUEST = {
  server: Text,
  level: v.picklist(LEVELS, `must be one of ${LEVELS.join(', ')}`),
  groupId: v.optional(
    v.pipe(v.string('must be text'), v.regex(FHIR_ID, 'must be a FHIR id: letters, digits, "-" and ".", at most 64')),
  ),
  parameters: v.optional(v.pipe(Mapping, v.record(v.string(), Values))),
  destination: v.optional(v.pipe(Mapping, v.object(DESTINATION))),
  prefer: v.optional(v.array(v.picklist(PREFERENCES, `must be one of ${PREFERENCES.join(', ')}`), 'must be a list')),
  attachments: v.optional(v.literal('download', 'must be "download", or left out')),
  keepServerFiles: v.optional(v.boolean('must be true or false')),
  deadline: v.optional(
    v.pipe(
      v.string('must be text'),
      v.check(isDeadline, 'must be an ISO 8601 duration of at most 365 days, such as P30D, PT12H or P1DT6H'),
    ),
  ),
};
const RequestSchema = v.pipe(Mapping, v.object(REQUEST));

/**
 * Checks everything about a request that can be known without the worker's configuration. Pure.
 *
 * These are the rules of version 0.1.0, or weaker. A rule that is new, or becomes stricter, stands in `begin.ts` behind a
 * patch: this is asked again at every replay, and must not refuse an export that is running.
 */
export function validateRequest(input: unknown): Validation {
  const bytes = new TextEncoder().encode(JSON.stringify(input ?? null)).length;
  if (bytes > MAX_REQUEST_BYTES) {
    return {
      problems: [
        `request: has ${bytes} bytes, at most ${MAX_REQUEST_BYTES} are allowed; use a Group instead of long lists`,
      ],
    };
  }
  const parsed = v.safeParse(RequestSchema, input);
  const problems = parsed.success ? [] : parsed.issues.map(describe);
  if (isObject(input)) {
    problems.push(
      ...unknownFields('', input, REQUEST),
      ...unknownFields('destination.', input['destination'], DESTINATION),
      ...problemsOfLevel(input),
      ...problemsOfParameters(input['parameters']),
    );
  }
  return problems.length > 0 ? { problems: shorten(problems) } : { request: parsed.output as ExportRequest };
}

function shorten(problems: string[]): string[] {
  const shown = problems.slice(0, MOST_PROBLEMS);
  const more = problems.length - shown.length;
  return more === 0 ? shown : [...shown, `and ${more} more`];
}

function describe(issue: v.BaseIssue<unknown>): string {
  const field = cut(v.getDotPath(issue) ?? 'request');
  if (issue.received !== 'undefined') return `${field}: ${issue.message}`;
  return issue.type === 'object' ? `${field}: is missing` : `${field}: is missing, ${issue.message}`;
}

function unknownFields(place: string, value: unknown, known: object): string[] {
  if (!isObject(value)) return [];
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(known, name));
  return unknown.map((name) => `${cut(`${place}${name}`)}: unknown field, remove it`);
}

function cut(text: string): string {
  return text.length <= LONGEST_QUOTATION ? text : `${text.slice(0, LONGEST_QUOTATION - 1)}…`;
}

function quote(value: unknown): string {
  return cut(JSON.stringify(value));
}

function problemsOfLevel(request: Record<string, unknown>): string[] {
  const { level, groupId } = request;
  const parameters = isObject(request['parameters']) ? request['parameters'] : {};
  if (!v.is(v.picklist(LEVELS), level)) return [];
  const problems: string[] = [];
  if (level === 'group' && groupId === undefined) problems.push('groupId: is missing, level "group" needs it');
  if (level !== 'group' && groupId !== undefined)
    problems.push(`groupId: level "${level}" has none, use level "group" or remove it`);
  if (level === 'system' && parameters['patient'] !== undefined) {
    problems.push('parameters.patient: not allowed at level "system", use "patient" or "group"');
  }
  return problems;
}

function problemsOfParameters(parameters: unknown): string[] {
  if (!isObject(parameters)) return [];
  const problems = Object.entries(parameters).flatMap(([name, value]) =>
    faultsOfParameter(name, value).map((fault) => `${cut(`parameters.${name}`)}: ${fault}`),
  );
  const [smallest, largest] = [single(parameters, '_minimumFileSize'), single(parameters, '_maximumFileSize')];
  if (typeof smallest === 'number' && typeof largest === 'number' && largest <= smallest) {
    problems.push('parameters._maximumFileSize: must be larger than _minimumFileSize');
  }
  return problems;
}

function single(parameters: Record<string, unknown>, name: string): unknown {
  const value = parameters[name];
  return v.is(Values, value) ? valuesOf(name, value)[0] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function faultsOfParameter(name: string, value: unknown): string[] {
  const rule = ruleOf(name);
  if (rule === undefined && !/^_[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(name)) {
    return [`unknown parameter; names of your server's own begin with "_"${suggestion(name)}`];
  }
  // The schema has named it already.
  if (!v.is(Values, value)) return [];
  const values = valuesOf(name, value);
  if (values.length === 0) return ['is an empty list, remove it'];
  if (rule !== undefined && !rule.list && values.length > 1) return ['takes one value, not a list'];
  return values.flatMap((one) => {
    if (one === '') return ['has an empty value'];
    if (rule === undefined) return [];
    const fault = faultOfValue(name, rule.type, one);
    return fault === undefined ? [] : [`${quote(one)} ${fault}`];
  });
}

function suggestion(name: string): string {
  return ruleOf(`_${name}`) === undefined ? '' : ` (did you mean "_${name}"?)`;
}

function faultOfValue(name: string, type: string, value: string | boolean | number): string | undefined {
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'must be true or false';
  if (type === 'positiveInt') {
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
      ? undefined
      : 'must be a whole number of bytes, 1 or more';
  }
  if (typeof value !== 'string') return 'must be text';
  if (type === 'instant') return faultOfInstant(value);
  return FAULTS[name]?.(value);
}

const FAULTS: Record<string, (value: string) => string | undefined> = {
  _type: (value) => (isResourceType(value) ? undefined : 'is not a FHIR resource type'),
  organizeOutputBy: (value) => (isResourceType(value) ? undefined : 'is not a FHIR resource type'),
  _outputFormat: (value) =>
    OUTPUT_FORMATS.includes(value)
      ? undefined
      : `must be one of ${OUTPUT_FORMATS.join(', ')}: other formats cannot be checked`,
  _elements: faultOfElement,
  _typeFilter: faultOfTypeFilter,
  patient: (value) =>
    /^(https?:\/\/\S+\/)?Patient\/[A-Za-z0-9\-.]{1,64}$/.test(value)
      ? undefined
      : 'must be a reference such as Patient/123',
  includeAssociatedData: (value) =>
    /^(LatestProvenanceResources|RelevantProvenanceResources|_\S+)$/.test(value)
      ? undefined
      : 'must be LatestProvenanceResources, RelevantProvenanceResources, or a code of the server that begins with "_"',
};

/** Bulk Data IG 2.0: `[ResourceType].[element]` or `[element]`, root elements only. */
function faultOfElement(value: string): string | undefined {
  const parts = value.split('.');
  if (parts.length > 2) return 'names an element below the root; only root elements are allowed, such as Patient.name';
  const element = parts.at(-1) as string;
  if (parts.length === 2 && !isResourceType(parts[0] as string))
    return `begins with ${quote(parts[0])}, which is no FHIR resource type`;
  return /^[a-zA-Z][A-Za-z0-9]*(\[x\])?$/.test(element) ? undefined : 'must be [ResourceType].[element] or [element]';
}

/** Bulk Data IG 2.0: one resource type, a search query, no search result parameters. */
function faultOfTypeFilter(value: string): string | undefined {
  const match = /^([A-Za-z]*)\?(.+)$/s.exec(value);
  if (match === null) return 'must be a search such as Observation?category=laboratory';
  if (match[1] === '') return 'must name one resource type before "?"';
  if (!isResourceType(match[1] as string)) return `is for ${quote(match[1])}, which is no FHIR resource type`;
  for (const pair of (match[2] as string).split('&')) {
    const [name, ...rest] = pair.split('=');
    if (name === undefined || name === '' || rest.length === 0)
      return 'must be a search such as Observation?category=laboratory';
    const base = name.replace(/:.*$/, '');
    if (RESULT_PARAMETERS.has(base)) return `uses ${base}: search result parameters are not allowed`;
  }
  return undefined;
}

function isDeadline(text: string): boolean {
  const duration = parseDuration(text);
  return duration !== undefined && duration >= 1000 && duration <= 365 * DAY;
}

function isSafePath(path: string): boolean {
  return problemOfPath(path) === undefined;
}

function faultOfPath(issue: { input: string }): string {
  return problemOfPath(issue.input) ?? '';
}

/** A path stays below its destination on every file system and in every bucket. */
function problemOfPath(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path.includes('\\')) return 'must not contain a backslash, use "/"';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path))
    return 'must be relative to the destination, without a leading "/"';
  // eslint-disable-next-line no-control-regex -- they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'must not contain control characters';
  if (path.length > 512) return 'must have at most 512 characters';
  for (const segment of path.split('/')) {
    if (segment === '') return 'must not contain empty parts ("//" or a "/" at the end)';
    if (segment === '.' || segment === '..') return `must not contain "${segment}"`;
    if (segment.toLowerCase() === '.export') return 'must not contain ".export", which holds the state of exports';
    if (new TextEncoder().encode(segment).length > 200) return 'must not contain a part of more than 200 bytes';
  }
  return undefined;
}
