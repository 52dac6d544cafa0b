import type { Message } from '../http/answer.ts';
import type { FhirBulkVersion, Reading } from '../options.ts';

/** Kick-off parameters as text, from a query or a `Parameters` resource. */
export type ParameterValues = Map<string, string[]>;

/** A fault in a kick-off that `handling=lenient` does not excuse. */
export class BadRequest extends Error {
  readonly messages: Message[];
  readonly status: number;
  constructor(text: string, code = 'invalid', status = 400) {
    super(text);
    this.messages = [{ severity: 'error', code, text }];
    this.status = status;
  }
}

type Definition = { valueType: string; from: FhirBulkVersion; many: boolean; commas?: boolean };

/** Bulk Data IG, kick-off request parameters; `from` is the first version that has them. */
const definitions: Record<string, Definition> = {
  _outputFormat: { valueType: 'valueString', from: 1, many: false },
  _since: { valueType: 'valueInstant', from: 1, many: false },
  _until: { valueType: 'valueInstant', from: 3, many: false },
  _type: { valueType: 'valueString', from: 1, many: true, commas: true },
  _typeFilter: { valueType: 'valueString', from: 1, many: true },
  _elements: { valueType: 'valueString', from: 2, many: true, commas: true },
  patient: { valueType: 'valueReference', from: 2, many: true },
  includeAssociatedData: { valueType: 'valueCode', from: 2, many: true, commas: true },
  organizeOutputBy: { valueType: 'valueString', from: 3, many: false },
  allowPartialManifests: { valueType: 'valueBoolean', from: 3, many: false },
};

/** Whether a version of the IG has this parameter. */
export function isKnownParameter(name: string, version: FhirBulkVersion): boolean {
  return Object.hasOwn(definitions, name) && (definitions[name]?.from ?? 9) <= version;
}

/** The settings that decide how parameters are read. */
type Rules = { version: FhirBulkVersion; reading: Reading };

/**
 * Reads the query of a GET kick-off.
 *
 * @throws {@link BadRequest}
 */
export function parametersOfQuery(query: string, rules: Rules): ParameterValues {
  if (/%(?![0-9a-fA-F]{2})/.test(query)) throw new BadRequest('The query has a broken percent escape');
  const values: ParameterValues = new Map();
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'patient') throw new BadRequest('patient is only allowed by POST', 'not-supported');
    add(values, name, value, rules);
  }
  return checkedCounts(values, rules.version);
}

/**
 * Reads the body of a POST kick-off.
 *
 * @throws {@link BadRequest}
 */
export function parametersOfBody(body: string, rules: Rules): ParameterValues {
  let json: { resourceType?: unknown; parameter?: unknown };
  try {
    json = JSON.parse(body);
  } catch {
    throw new BadRequest('The body is not JSON', 'structure');
  }
  if (json?.resourceType !== 'Parameters') throw new BadRequest('The body is not a Parameters resource', 'structure');
  // FHIR JSON: an array is left out rather than empty.
  if (json.parameter !== undefined && (!Array.isArray(json.parameter) || json.parameter.length === 0)) {
    throw new BadRequest('Parameters.parameter is not an array with elements', 'structure');
  }
  const values: ParameterValues = new Map();
  for (const parameter of (json.parameter ?? []) as Record<string, unknown>[]) {
    const name = String(parameter['name']);
    add(values, name, valueOf(name, parameter, rules.version), rules);
  }
  return checkedCounts(values, rules.version);
}

function valueOf(name: string, parameter: Record<string, unknown>, version: FhirBulkVersion): string {
  const members = Object.keys(parameter).filter((member) => member !== 'name');
  const known = definitions[name];
  if (known === undefined || !Object.hasOwn(definitions, name)) return '';
  // Bulk Data IG 4.0: includeAssociatedData became a Coding.
  const wanted = name === 'includeAssociatedData' && version === 4 ? 'valueCoding' : known.valueType;
  if (members.length !== 1 || members[0] !== wanted) throw new BadRequest(`${name} needs a ${wanted}`, 'value');
  const value = parameter[wanted] as Record<string, unknown> | string | boolean;
  if (wanted === 'valueBoolean' && typeof value === 'boolean') return String(value);
  const text = typeof value === 'object' ? value[wanted === 'valueReference' ? 'reference' : 'code'] : value;
  if (typeof text !== 'string' || text === '') throw new BadRequest(`The ${wanted} of ${name} is not usable`, 'value');
  if (wanted === 'valueCoding' && typeof (value as Record<string, unknown>)['system'] !== 'string') {
    throw new BadRequest('includeAssociatedData needs a Coding with a system', 'value');
  }
  return text;
}

function add(values: ParameterValues, name: string, value: string, { version, reading }: Rules): void {
  // HAPI FHIR: its operation takes one of each but these, and silently ignores the others.
  if (reading === 'hapi' && values.has(name) && name !== '_typeFilter' && name !== 'patient') return;
  const list = values.get(name) ?? [];
  values.set(name, list);
  if (name === '_typeFilter' && reading === 'hapi') {
    list.push(asHapiReads(value));
  } else if (name === '_typeFilter' && version <= 2) {
    // Bulk Data IG 1.0 and 2.0: a comma-delimited list of queries, each of them URL-encoded.
    list.push(...value.split(',').map(decoded));
  } else if (definitions[name]?.commas && value.includes(',')) {
    // Bulk Data IG 4.0: clients SHALL NOT comma-delimit, but repeat the parameter.
    if (version === 4) throw new BadRequest(`${name}: repeat the parameter instead of joining values`, 'value');
    list.push(...value.split(','));
  } else {
    list.push(value);
    if (name === '_type' && version === 1 && list.length > 1) throw new BadRequest('_type is repeated', 'value');
  }
}

/** HAPI FHIR decodes a filter byte by byte, and keeps the last byte of a character beyond ASCII; `+` is itself. */
function asHapiReads(filter: string): string {
  if (filter.includes(' ')) throw new BadRequest(`_typeFilter "${filter}" must not contain spaces`, 'value');
  return filter
    .replaceAll('+', '%2B')
    .replace(/[\u0080-\uffff]/g, (unit) => `%${(unit.charCodeAt(0) & 0xff).toString(16).padStart(2, '0')}`);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequest('_typeFilter has a broken percent escape', 'value');
  }
}

function checkedCounts(values: ParameterValues, version: FhirBulkVersion): ParameterValues {
  for (const [name, list] of values) {
    if (isKnownParameter(name, version) && list.includes('')) throw new BadRequest(`${name} is empty`, 'value');
    if (isKnownParameter(name, version) && !definitions[name]?.many && list.length > 1) {
      throw new BadRequest(`${name} is repeated`, 'value');
    }
  }
  return values;
}
