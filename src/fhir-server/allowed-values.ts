import type { OperationName } from '../fhir/operations.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import { ruleOf } from '../fhir/parameters.ts';
import { quote } from '../policy/short-texts.ts';

/** Lists of what is allowed. */
interface Limits {
  types?: unknown;
  groups?: unknown;
}

/**
 * What the values of parameters could bring besides the data that is allowed, whatever limits it. Pure.
 *
 * @param parameters of the request
 */
export function problemsOfValues(
  parameters: ParameterList,
  allow: Limits,
  operation: OperationName = 'export',
): string[] {
  const valuesOf = (name: string): string[] =>
    parameters.filter((one) => one.name === name).flatMap(({ values }) => values.map(String));
  const reason = `because ${limitOf(allow)}`;
  const problems = valuesOf('_typeFilter').flatMap((filter) => {
    const fault = faultOfFilter(filter);
    return fault === undefined ? [] : [`parameters._typeFilter: ${quote(filter)} is not allowed${fault}, ${reason}`];
  });
  for (const { name, values } of parameters) {
    const known = ruleOf(name, operation)?.known;
    if (values.some((value) => known?.includes(String(value)) === false))
      problems.push(`parameters.${name}: a value of the server's own is not allowed, ${reason}`);
  }
  return problems;
}

/** Type of the resources that a filter is for. */
export function typeOf(filter: string): string {
  return filter.replace(/\?.*$/s, '');
}

/** The query of a filter as a server may read it, which decodes it a second time. */
export function readQuery(filter: string): string {
  return decoded(decoded(queryOf(filter)));
}

/** How a filter could bring other resources than those that it is for. */
function faultOfFilter(filter: string): string | undefined {
  if (
    queryOf(filter)
      .split('&')
      .some((pair) => !/^[A-Za-z0-9_.:-]+=/.test(pair))
  ) {
    return ': a name in it is written with other signs than letters';
  }
  const brings = /_(rev)?include|_contained|_query/i.exec(readQuery(filter));
  return brings === null ? undefined : ` with ${brings[0]}`;
}

function limitOf({ types, groups }: Limits): string {
  if (types !== undefined) return 'only some types are';
  return groups === undefined ? 'only some levels are' : 'only some groups are';
}

function queryOf(filter: string): string {
  return filter.slice(typeOf(filter).length + 1);
}

function decoded(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCodePoint(Number.parseInt(code.slice(1), 16)));
}
