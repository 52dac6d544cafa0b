import type { ExportRequest } from '../contract.ts';
import type { Entry } from '../fhir/entries.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import { isResourceType } from '../fhir/resource-types.ts';
import { fewNames, quote } from '../policy/short-texts.ts';
import { readQuery, typeOf } from './allowed-values.ts';
import { reachOf } from './filter-reach.ts';

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
    if (mayBeSeveral(filter, allowed)) {
      problems.push(
        `parameters._typeFilter: ${quote(filter)} is not allowed, because it could be read as a second filter, and only some types are allowed`,
      );
    }
    const others = reachOf(filter).filter((type) => type === undefined || !allowed.includes(type));
    if (others.length > 0) {
      const what = others.map((type) => type ?? 'a type that it does not name');
      problems.push(
        `parameters._typeFilter: ${quote(filter)} is not allowed, because it asks about ${fewNames(what)}, ${only(allowed)}`,
      );
    }
  }
  if (valuesOf('organizeOutputBy').length > 0) {
    problems.push('parameters.organizeOutputBy: is not allowed, because only some types are, and such files hold many');
  }
  const associated = valuesOf('includeAssociatedData');
  check('parameters.includeAssociatedData', associated.some((code) => !code.startsWith('_')) ? ['Provenance'] : []);
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
  // The content of one is a Binary, wherever it is.
  if (kind === 'attachment') {
    return allowed.includes('Binary') ? undefined : `attachments: Binary is not allowed, ${only(allowed)}`;
  }
  if (kind !== 'output' || (type !== undefined && allowed.includes(type))) return undefined;
  const what = type === undefined ? 'files that do not say their type' : `files of ${quote(type)}`;
  return `the server sends ${what}, ${only(allowed)}; nothing of that is downloaded`;
}

/** Servers may split a filter at commas. */
function mayBeSeveral(filter: string, allowed: readonly string[]): boolean {
  const read = readQuery(filter);
  const pieces = read.split(/[,;&|\s]/).map((piece) => piece.trim());
  return read.includes('?') || pieces.some((piece) => isResourceType(piece) && !allowed.includes(piece));
}

function only(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'because none is' : `only ${fewNames(allowed)}`;
}
