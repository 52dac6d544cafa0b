import type { IgVersion } from './capability.ts';
import type { ParameterList } from './parameters.ts';
import { ruleOf } from './parameters.ts';

/** What the kick-off request is made of. */
export interface KickOff {
  baseUrl: string;
  level: 'system' | 'patient' | 'group';
  groupId?: string;
  parameters: ParameterList;
  prefer: readonly string[];
  method: 'auto' | 'get' | 'post';
  /** Name of the operation in the URL; `export` unless the server declares another. */
  operation: string;
  /** As declared by the server; undefined when it does not say. */
  version?: IgVersion;
}

/** An HTTP request, ready to be sent. */
export interface KickOffRequest {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string;
}

const ASSOCIATED_DATA = 'http://hl7.org/fhir/uv/bulkdata/CodeSystem/include-associated-data';

/** Builds the kick-off request for any version of the IG. Source: Bulk Data IG 1.0 to 4.0-ballot, kick-off request. */
export function buildKickOff(kickOff: KickOff): KickOffRequest {
  const url = `${kickOff.baseUrl.replace(/\/+$/, '')}${pathOf(kickOff)}/$${kickOff.operation}`;
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

function methodOf({ method, version, parameters }: KickOff): 'GET' | 'POST' {
  // IG 2 to 4: `patient` travels by POST only. IG 4: GET shall not be used.
  const needsPost = version === 4 || parameters.some(({ name }) => name === 'patient');
  if (method === 'auto') return needsPost ? 'POST' : 'GET';
  return method === 'post' || needsPost ? 'POST' : 'GET';
}

function pathOf({ level, groupId }: KickOff): string {
  if (level === 'group') return `/Group/${encodeURIComponent(groupId ?? '')}`;
  return level === 'patient' ? '/Patient' : '';
}

function queryOf({ parameters, version }: KickOff): string {
  return parameters
    .flatMap(({ name, values }) => {
      const texts = values.map(String);
      if (name === '_typeFilter') {
        if (version !== 1 && version !== 2) return texts.map((text) => pair(name, text));
        // IG 1 and 2 join filters by commas, so a comma inside one is encoded once more (Epic, HAPI, Kodjin accept it).
        return [`${name}=${texts.map((text) => encodeURIComponent(text.replaceAll(',', '%2C'))).join(',')}`];
      }
      // One comma-delimited value: IG 1 knows no other form, and Oracle Health refuses a repeated `_type`.
      if (ruleOf(name)?.list === true) return [pair(name, texts.join(','))];
      return texts.map((text) => pair(name, text));
    })
    .join('&');
}

/** `+` in formats and zone offsets must not become a space, so everything but commas between values is encoded. */
function pair(name: string, value: string): string {
  const joined =
    name === '_typeFilter' ? encodeURIComponent(value) : value.split(',').map(encodeURIComponent).join(',');
  return `${encodeURIComponent(name)}=${joined}`;
}

function bodyOf({ parameters, version }: KickOff): unknown {
  const parameter = parameters.flatMap(({ name, values }) =>
    values.map((value) => ({ name, ...valueOf(name, value, version) })),
  );
  return { resourceType: 'Parameters', ...(parameter.length === 0 ? {} : { parameter }) };
}

function valueOf(name: string, value: string | boolean | number, version: IgVersion | undefined): object {
  switch (ruleOf(name)?.type) {
    case 'instant':
      return { valueInstant: value };
    case 'reference':
      return { valueReference: { reference: value } };
    case 'boolean':
      return { valueBoolean: value };
    case 'positiveInt':
      return { valuePositiveInt: value };
    case 'code':
      if (version !== 4) return { valueCode: value };
      // A code that begins with an underscore is the server's own, not of this system.
      return {
        valueCoding: String(value).startsWith('_') ? { code: value } : { system: ASSOCIATED_DATA, code: value },
      };
    case 'string':
      return { valueString: String(value) };
    case undefined:
      return typeof value === 'boolean' ? { valueBoolean: value } : { valueString: String(value) };
  }
}
