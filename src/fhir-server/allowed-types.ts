import type { ExportRequest } from '../contract.ts';
import type { Entry } from '../fhir/entries.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import { isResourceType } from '../fhir/resource-types.ts';
import { fewNames, quote } from '../policy/short-texts.ts';

/** The part of a request by which types are chosen. */
type Chosen = Pick<ExportRequest, 'prefer' | 'attachments'>;

/**
 * What a request could bring besides the types that are allowed. Pure.
 *
 * @param parameters of the request
 */
export function problemsOfTypes(asked: Chosen, parameters: ParameterList, allowed: readonly string[]): string[] {
  const valuesOf = (name: string): string[] =>
    parameters.filter((one) => one.name === name).flatMap(({ values }) => values.map(String));
  const problems: string[] = [];
  const check = (field: string, types: readonly string[]): void => {
    const others = [...new Set(types.filter((type) => !allowed.includes(type)))];
    if (others.length > 0) problems.push(`${field}: ${fewNames(others)} is not allowed, ${only(allowed)}`);
  };
  const types = valuesOf('_type');
  if (types.length === 0) problems.push(`parameters._type: all types are not allowed, ${only(allowed)}`);
  check('parameters._type', types);
  const filters = valuesOf('_typeFilter');
  check('parameters._typeFilter', filters.map(typeOf));
  for (const filter of filters) {
    const fault = faultOfFilter(filter, allowed);
    if (fault !== undefined) problems.push(`parameters._typeFilter: ${quote(filter)} ${fault}`);
  }
  if (valuesOf('organizeOutputBy').length > 0) {
    problems.push('parameters.organizeOutputBy: is not allowed, because only some types are, and such files hold many');
  }
  const associated = valuesOf('includeAssociatedData');
  check('parameters.includeAssociatedData', associated.some((code) => !code.startsWith('_')) ? ['Provenance'] : []);
  if (associated.some((code) => code.startsWith('_'))) {
    problems.push(
      "parameters.includeAssociatedData: a code of the server's own is not allowed, because only some types are",
    );
  }
  check('attachments', asked.attachments === undefined ? [] : ['Binary']);
  if (asked.prefer?.includes('handling=lenient') === true) {
    problems.push('prefer: handling=lenient is not allowed, because the server could ignore _type');
  }
  return problems;
}

/**
 * Why a file of the manifest must not be downloaded: servers may send other types than they were asked for. Deletions
 * name resources only, and outcomes are of the export itself.
 */
export function problemOfEntry({ kind, type }: Pick<Entry, 'kind' | 'type'>, allowed: readonly string[]) {
  if (kind !== 'output' || (type !== undefined && allowed.includes(type))) return undefined;
  const what = type === undefined ? 'files that do not say their type' : `files of ${quote(type)}`;
  return `the server sends ${what}, ${only(allowed)}; nothing of that is downloaded`;
}

function typeOf(filter: string): string {
  return filter.replace(/\?.*$/s, '');
}

/**
 * What a filter could bring besides resources of its type. A server may split it at commas, and decode it a second time,
 * so it is looked at as it would be then.
 */
function faultOfFilter(filter: string, allowed: readonly string[]): string | undefined {
  const query = filter.slice(typeOf(filter).length + 1);
  if (query.split('&').some((pair) => !/^[A-Za-z0-9_.:-]+=/.test(pair))) {
    return 'is not allowed, because a name in it is written with other signs than letters, because only some types are';
  }
  const read = decoded(decoded(query));
  const pieces = read.split(/[,;&|\s]/).map((piece) => piece.trim());
  const names = pieces.filter((piece) => isResourceType(piece) && !allowed.includes(piece));
  if (read.includes('?') || names.length > 0) {
    return 'is not allowed, because it could be read as a second filter, and only some types are allowed';
  }
  const brings = /_(rev)?include|_contained|_query/i.exec(read);
  return brings === null ? undefined : `is not allowed with ${brings[0]}, because only some types are`;
}

function decoded(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCodePoint(Number.parseInt(code.slice(1), 16)));
}

function only(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'because none is' : `only ${fewNames(allowed)}`;
}
