import type { IgVersion } from './capability.ts';
import type { ParameterList } from './parameters.ts';
import type { OperationName } from './operations.ts';
import { OPERATIONS } from './operations.ts';
import { NDJSON_FORMATS } from './output-formats.ts';
import { ruleOf } from './parameters.ts';
import { encodeTypeFilter } from './type-filter.ts';

/** What the kick-off request is made of. */
export interface KickOff {
  /** Without a slash at its end. */
  baseUrl: string;
  level: 'system' | 'patient' | 'group';
  groupId?: string | undefined;
  parameters: ParameterList;
  prefer: readonly string[];
  /** `auto`: as the operation, the parameters and the version want it. */
  method: 'auto' | 'get' | 'post';
  /** Name of the operation in the URL; that of the request unless the server declares another. */
  operation: string;
  /** As the request names it, which says what its parameters are. Default `export`. */
  requested?: OperationName | undefined;
  /** As declared by the server; undefined when it does not say. */
  version?: IgVersion | undefined;
  /** How lists of values are sent; `auto`: by the version. Default `auto`. */
  lists?: 'auto' | 'comma' | 'repeat' | undefined;
  /** How `patient` is sent in a GET; undefined: by POST only. */
  patientInUrl?: 'reference' | 'id' | undefined;
  /** How several `_typeFilter` are sent in a GET; `auto`: by the version. Default `auto`. */
  typeFilterList?: 'auto' | 'comma' | 'repeat' | undefined;
  /** How commas in a `_typeFilter` are sent; `auto`: by the version. Default `auto`. */
  typeFilterCommas?: 'auto' | 'encoded' | 'plain' | undefined;
}

/** An HTTP request, ready to be sent. */
export interface KickOffRequest {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string | undefined;
}

/**
 * Lists that up to IG 3 travel as one comma-delimited value. Repeating is as good for IG 2 and 3, but not for IG 1,
 * nor for Oracle Health, and HAPI FHIR reads the first repetition only and says nothing. Values cannot hold a comma.
 */
const JOINED: ReadonlySet<string> = new Set(['_type', '_elements', 'includeAssociatedData']);

const ASSOCIATED_DATA = 'http://hl7.org/fhir/uv/bulkdata/CodeSystem/include-associated-data';

/**
 * Builds the kick-off request for any version of the IG. Source: Bulk Data IG 1.0 to 4.0-ballot, kick-off request.
 *
 * @throws URIError when a text holds half a surrogate pair, which cannot be encoded
 */
export function buildKickOff(kickOff: KickOff): KickOffRequest {
  const url = `${kickOff.baseUrl}${pathOf(kickOff)}/$${kickOff.operation}`;
  const headers = {
    accept: 'application/fhir+json',
    prefer: ['respond-async', ...kickOff.prefer].join(', '),
  };
  if (methodOf(kickOff) === 'GET') {
    const query = queryOf(kickOff);
    return { method: 'GET', url: query === '' ? url : `${url}?${query}`, headers };
  }
  return {
    method: 'POST',
    url,
    headers: { ...headers, 'content-type': 'application/fhir+json' },
    body: JSON.stringify(bodyOf(kickOff)),
  };
}

function methodOf({ method, version, parameters, patientInUrl, requested = 'export' }: KickOff): 'GET' | 'POST' {
  // IG 2 to 4: `patient` travels by POST only, and a server that does not know it in a query would send everybody. IG 4:
  // GET must not be used.
  const hasPatient = parameters.some(({ name }) => name === 'patient');
  if (method === 'post' || version === 4 || (hasPatient && patientInUrl === undefined)) return 'POST';
  return method === 'auto' && OPERATIONS[requested].prefers === 'post' ? 'POST' : 'GET';
}

function pathOf({ level, groupId }: KickOff): string {
  if (level === 'group') return `/Group/${encodeURIComponent(groupId ?? '')}`;
  return level === 'patient' ? '/Patient' : '';
}

function queryOf(kickOff: KickOff): string {
  return kickOff.parameters
    .flatMap(({ name, values }) => {
      const texts = values.map((value) => textOf(name, value, kickOff));
      const isJoined = isList(name, kickOff, 'GET') || (name === '_typeFilter' && joinsFilters(kickOff));
      // `+` in formats and zone offsets must not become a space, so everything but commas between values is encoded.
      const encoded = texts.map(encodeURIComponent);
      return (isJoined ? [encoded.join(',')] : encoded).map((text) => `${encodeURIComponent(name)}=${text}`);
    })
    .join('&');
}

/** IG 1 knows `_typeFilter` only as one comma-delimited list of filters, each of them encoded; IG 2 as that, too. */
function splitsFilters(version: IgVersion | undefined): boolean {
  return version === 1 || version === 2;
}

function joinsFilters({ typeFilterList = 'auto', version }: KickOff): boolean {
  return typeFilterList === 'comma' || (typeFilterList === 'auto' && splitsFilters(version));
}

/** Whether the values travel as one text, joined by commas. */
function isList(name: string, { lists = 'auto', version }: KickOff, method: 'GET' | 'POST'): boolean {
  // In a query it is a list of the server's own: AWS HealthLake and Aidbox want commas.
  if (name === 'patient') return method === 'GET';
  if (!JOINED.has(name) || lists === 'repeat') return false;
  // IG 4: values SHALL NOT be comma-delimited; the parameter is repeated. It has no GET.
  return lists === 'comma' || version !== 4 || method === 'GET';
}

function textOf(name: string, value: string | boolean | number, kickOff: KickOff): string {
  // The short names mean the same, and HAPI FHIR refuses them (issue 7258): every server must know the long one.
  if (name === '_outputFormat' && NDJSON_FORMATS.some((format) => format === value)) return NDJSON_FORMATS[0];
  if (name === 'patient' && kickOff.patientInUrl === 'id') return String(value).replace(/^.*\//, '');
  if (name !== '_typeFilter') return String(value);
  const { version, typeFilterCommas = 'auto' } = kickOff;
  const filter = encodeTypeFilter(String(value));
  if (typeFilterCommas === 'plain') return filter;
  if (typeFilterCommas === 'encoded') return filter.replaceAll(',', '%2C');
  // Servers of IG 1 and 2 split there, repeated or not, and few of them declare their version; to the others it is the
  // same query. Epic, HAPI FHIR and Kodjin are known to read it right.
  return version === undefined || splitsFilters(version) || joinsFilters(kickOff)
    ? filter.replaceAll(',', '%2C')
    : filter;
}

function bodyOf(kickOff: KickOff): unknown {
  const parameter = kickOff.parameters.flatMap(({ name, values }) => {
    const sent = isList(name, kickOff, 'POST') ? [values.join(',')] : values;
    return sent.map((value) => ({ name, ...valueOf(name, value, kickOff) }));
  });
  return { resourceType: 'Parameters', ...(parameter.length === 0 ? {} : { parameter }) };
}

function valueOf(name: string, value: string | boolean | number, kickOff: KickOff): object {
  switch (ruleOf(name, kickOff.requested)?.type) {
    case 'instant':
      return { valueInstant: value };
    case 'reference':
      return { valueReference: { reference: value } };
    case 'boolean':
      return { valueBoolean: value };
    case 'positiveInt':
      return { valuePositiveInt: value };
    case 'canonical':
      return { valueCanonical: value };
    case 'code':
      if (kickOff.version !== 4) return { valueCode: value };
      // A code that begins with an underscore is the server's own, not of this system.
      return {
        valueCoding: String(value).startsWith('_') ? { code: value } : { system: ASSOCIATED_DATA, code: value },
      };
    case 'string':
      return { valueString: textOf(name, value, kickOff) };
    case undefined:
      return typeof value === 'boolean' ? { valueBoolean: value } : { valueString: String(value) };
  }
}
