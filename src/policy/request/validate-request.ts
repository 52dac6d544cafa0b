import * as v from 'valibot';
import type { ExportRequest } from '../../contract.ts';
import { MAX_REQUEST_BYTES } from '../../contract.ts';
import type { Operation, OperationName } from '../../fhir/operations.ts';
import { OPERATIONS, OPERATION_NAMES } from '../../fhir/operations.ts';
import { parseDuration } from '../../fhir/duration.ts';
import { fewOf, shorten } from '../short-texts.ts';
import { INCREMENTAL, problemsOfIncremental, problemsOfNewMembersOf } from './validate-incremental.ts';
import { faultOfPath } from './validate-path.ts';
import { Values, problemsOfParameters } from './validate-parameters.ts';
import { isObject } from '../../fhir/is-object.ts';

/** A request that has passed, or every problem with it, each naming the field and its fix. */
export type Validation = { kind: 'valid'; request: ExportRequest } | { kind: 'invalid'; problems: string[] };

const LEVELS = ['system', 'patient', 'group'] as const;
const PREFERENCES = ['handling=lenient', 'handling=strict', 'separate-export-status'] as const;
const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const DAY = 24 * 60 * 60 * 1000;

const Text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'));
function textUpTo(characters: number) {
  return v.pipe(Text, v.maxLength(characters, `must have at most ${characters} characters`));
}
const Mapping = v.custom<Record<string, unknown>>(isObject, 'must be an object');

const Path = v.pipe(
  v.string('must be text'),
  v.check(
    (path) => faultOfPath(path) === undefined,
    ({ input }) => faultOfPath(input) ?? '',
  ),
);

const DESTINATION = {
  name: v.optional(Text),
  path: v.optional(Path),
};
const REQUEST = {
  server: Text,
  level: v.picklist(LEVELS, `must be one of ${LEVELS.join(', ')}`),
  groupId: v.optional(
    v.pipe(v.string('must be text'), v.regex(FHIR_ID, 'must be a FHIR id: letters, digits, "-" and ".", at most 64')),
  ),
  operation: v.optional(v.picklist(OPERATION_NAMES, `must be one of ${OPERATION_NAMES.join(', ')}`)),
  parameters: v.optional(v.pipe(Mapping, v.record(v.string(), Values))),
  destination: v.optional(v.pipe(Mapping, v.object(DESTINATION))),
  prefer: v.optional(v.array(v.picklist(PREFERENCES, `must be one of ${PREFERENCES.join(', ')}`), 'must be a list')),
  attachments: v.optional(v.literal('download', 'must be "download", or left out')),
  keepServerFiles: v.optional(v.boolean('must be true or false')),
  onIncomplete: v.optional(v.picklist(['fail', 'wait'], 'must be "fail" or "wait"')),
  incremental: v.optional(v.pipe(Mapping, v.object(INCREMENTAL))),
  newMembersOf: v.optional(Path),
  requestedBy: v.optional(textUpTo(200)),
  purpose: v.optional(textUpTo(1000)),
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
 * These are the rules of version 0.1.0, or weaker. A rule that is new, or becomes stricter, stands in `run-input.ts` behind a
 * patch: this is asked again at every replay, and must not refuse an export that is running.
 */
export function validateRequest(input: unknown): Validation {
  const bytes = new TextEncoder().encode(JSON.stringify(input ?? null)).length;
  if (bytes > MAX_REQUEST_BYTES) {
    return {
      kind: 'invalid',
      problems: [
        `request: has ${bytes} bytes, at most ${MAX_REQUEST_BYTES} are allowed; use a Group instead of long lists`,
      ],
    };
  }
  const problems = problemsOfRequest(input);
  return problems.length > 0
    ? { kind: 'invalid', problems: fewOf(problems) }
    : { kind: 'valid', request: input as ExportRequest };
}

/** The same rules, but for the size: what is sent to a server may be longer by a `_since` than the request. Pure. */
export function problemsOfRequest(input: unknown): string[] {
  const parsed = v.safeParse(RequestSchema, input);
  const problems = parsed.success ? [] : parsed.issues.map(describe);
  if (isObject(input)) {
    problems.push(
      ...unknownFields('', input, REQUEST),
      ...unknownFields('destination.', input['destination'], DESTINATION),
      ...unknownFields('incremental.', input['incremental'], INCREMENTAL),
      ...problemsOfIncremental(input),
      ...problemsOfNewMembersOf(input),
      ...problemsOfLevel(input),
      ...problemsOfParameters(input['parameters'], operationOf(input)),
    );
  }
  return problems;
}

/** Both are FHIR ids by their letters; in a URL they lead to another place of the server, up to all of it. */
export function dotsInGroupId(request: Partial<Pick<ExportRequest, 'level'>> & { groupId?: unknown }): string[] {
  return request?.groupId === '.' || request?.groupId === '..' ? ['groupId: must not be "." or ".."'] : [];
}

function describe(issue: v.BaseIssue<unknown>): string {
  const field = shorten(v.getDotPath(issue) ?? 'request');
  if (issue.received !== 'undefined') return `${field}: ${issue.message}`;
  return issue.type === 'object' ? `${field}: is missing` : `${field}: is missing, ${issue.message}`;
}

function unknownFields(place: string, value: unknown, known: object): string[] {
  if (!isObject(value)) return [];
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(known, name));
  return unknown.map((name) => `${shorten(`${place}${name}`)}: unknown field, remove it`);
}

function problemsOfLevel(request: Record<string, unknown>): string[] {
  const { level, groupId } = request;
  const operation = operationOf(request);
  const parameters = isObject(request['parameters']) ? request['parameters'] : {};
  if (!v.is(v.picklist(LEVELS), level)) return [];
  const problems: string[] = [];
  const { levels }: Operation = OPERATIONS[operation];
  if (!levels.includes(level)) {
    problems.push(`level: operation "${operation}" has no level "${level}", use ${levels.join(' or ')}`);
  }
  if (level === 'group' && groupId === undefined) problems.push('groupId: is missing, level "group" needs it');
  if (level !== 'group' && groupId !== undefined)
    problems.push(`groupId: level "${level}" has none, use level "group" or remove it`);
  if (level === 'system' && parameters['patient'] !== undefined) {
    problems.push('parameters.patient: not allowed at level "system", use "patient" or "group"');
  }
  return problems;
}

/** One that is wrong is named by the schema. */
function operationOf({ operation }: Record<string, unknown>): OperationName {
  return OPERATION_NAMES.find((name) => name === operation) ?? 'export';
}

function isDeadline(text: string): boolean {
  const duration = parseDuration(text);
  return duration !== undefined && duration >= 1000 && duration <= 365 * DAY;
}
