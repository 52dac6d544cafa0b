import type { KickOffRequest } from '../../src/fhir/kick-off.ts';

/** What a server takes an export to be asked for. */
export interface Understood {
  types: string[];
  /** Type of a filter, and its search parameters. */
  filters: [string, Record<string, string>][];
}

type Parameter = { name: string } & Record<string, unknown>;

/** Of a query as servlets and Express read it, or of a Parameters resource: the values of one name, in order. */
function valuesOf({ method, url, body }: KickOffRequest, name: string): string[] {
  if (method === 'GET') return new URL(url).searchParams.getAll(name);
  const { parameter = [] } = JSON.parse(body ?? '{}') as { parameter?: Parameter[] };
  return parameter.filter((one) => one.name === name).map((one) => String(one['valueString']));
}

/**
 * HAPI FHIR 8: `_type` has at most one value, of which `OperationParameter` takes the first; `_typeFilter` is split
 * before `,Type?` (`BulkExportJobParametersBuilder`) and then read by `UrlUtil.translateMatchUrl`, which decodes bytes.
 */
export function readAsHapi(request: KickOffRequest): Understood {
  const types = (valuesOf(request, '_type')[0] ?? '').split(',').filter(Boolean);
  const filters = valuesOf(request, '_typeFilter').flatMap((value) => value.split(/,(?=[A-Z][a-z]+\?)/));
  return {
    types,
    filters: filters.map((filter) => {
      const [type = '', query = ''] = splitOnce(filter, '?');
      if (query.includes(' ')) throw new Error('URL is invalid (must not contain spaces)');
      const pairs = query.split('&').map((pair) => splitOnce(pair, '=').map(decodeBytes));
      return [type, Object.fromEntries(pairs) as Record<string, string>];
    }),
  };
}

/** SMART reference server: repeated, or one value that is split at commas; filters are read by `URLSearchParams`. */
export function readAsSmart(request: KickOffRequest): Understood {
  const makeArray = (values: string[]): string[] => (values.length === 1 ? (values[0] as string).split(',') : values);
  return {
    types: makeArray(valuesOf(request, '_type')),
    filters: valuesOf(request, '_typeFilter').map((filter) => {
      const [type = '', query = ''] = splitOnce(filter, '?');
      return [type, Object.fromEntries(new URLSearchParams(query))];
    }),
  };
}

/** As IG 2.0 has it: repeated values are as if comma-delimited, each of them an encoded query. Epic splits so. */
export function readAsIg2(request: KickOffRequest): Understood {
  return {
    types: valuesOf(request, '_type').join(',').split(','),
    filters: valuesOf(request, '_typeFilter')
      .join(',')
      .split(',')
      .map((filter) => {
        const [type = '', query = ''] = splitOnce(filter, '?');
        return [type, Object.fromEntries(new URLSearchParams(query))];
      }),
  };
}

/** Apache's `URLEncodedUtils`: an escape is a byte, every other UTF-16 unit is cut to one, and all are UTF-8. */
function decodeBytes(text: string): string {
  const units = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(units, 'latin1').toString('utf8');
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
