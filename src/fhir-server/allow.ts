import * as v from 'valibot';
import { Mapping, Text } from '../config/fields.ts';
import type { ExportRequest } from '../contract.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import { listParameters, ruleOf } from '../fhir/parameters.ts';
import { Levels, Names, ResourceTypes } from './settings-schema.ts';

/** The field `allow` of a server: what may be asked of it. What has no list is not limited. */
export const AllowField = v.optional(
  v.pipe(
    Mapping,
    v.strictObject({
      levels: v.optional(Levels),
      /** Ids of groups. With them, level `group` alone is allowed. */
      groups: v.optional(v.array(Text, 'must be a list')),
      types: v.optional(ResourceTypes),
      parameters: v.optional(Names),
      /** Names of destinations. */
      destinations: v.optional(Names),
    }),
  ),
);

export type Allow = NonNullable<v.InferOutput<typeof AllowField>>;

/** A request, and the destination that it names or that is the default. */
export interface AskedFor extends Pick<
  ExportRequest,
  'level' | 'groupId' | 'operation' | 'parameters' | 'prefer' | 'attachments'
> {
  destination: string;
}

/**
 * What a request asks for although it is not allowed; empty when all of it is. Pure.
 *
 * A list limits what comes, not only what is named: whatever could bring more than it is refused, too.
 */
export function notAllowed(asked: AskedFor, allow: Allow): string[] {
  const parameters = listParameters(asked.parameters ?? {});
  return [
    ...problemsOfPlace(asked, allow),
    ...problemsOfParameters(parameters, allow, asked.operation),
    ...(allow.types === undefined ? [] : problemsOfTypes(asked, parameters, allow.types)),
  ];
}

function problemsOfPlace({ level, groupId, destination }: AskedFor, { levels, groups, destinations }: Allow): string[] {
  const problems: string[] = [];
  if (levels?.includes(level) === false) problems.push(`level: "${level}" is not allowed, only ${list(levels)}`);
  if (groups !== undefined && level !== 'group') {
    problems.push(`level: "${level}" is not allowed, because only some groups are`);
  } else if (groups?.includes(groupId ?? '') === false) {
    problems.push(`groupId: "${groupId}" is not allowed`);
  }
  if (destinations?.includes(destination) === false) {
    problems.push(`destination: "${destination}" is not allowed, only ${list(destinations)}`);
  }
  return problems;
}

function problemsOfParameters(
  parameters: ParameterList,
  { levels, groups, types, parameters: names }: Allow,
  operation: ExportRequest['operation'],
): string[] {
  const limitsData = levels !== undefined || groups !== undefined || types !== undefined;
  return parameters.flatMap(({ name }) => {
    const isNamed = names?.includes(name) === true;
    // A limit of types would otherwise need the name as well.
    if (isNamed || (name === '_type' && types !== undefined)) return [];
    if (names !== undefined) return [`parameters.${name}: is not allowed`];
    // Nobody knows what it does: it may be the server's own word for another type or group.
    if (ruleOf(name, operation) === undefined && limitsData) {
      return [`parameters.${name}: a parameter of the server's own is not allowed, unless allow.parameters names it`];
    }
    // A server may not look whether these patients are members.
    if (name === 'patient' && groups !== undefined) {
      return ['parameters.patient: is not allowed, because only some groups are, unless allow.parameters names it'];
    }
    return [];
  });
}

function problemsOfTypes(asked: AskedFor, parameters: ParameterList, allowed: readonly string[]): string[] {
  const valuesOf = (name: string): string[] =>
    parameters.filter((one) => one.name === name).flatMap(({ values }) => values.map(String));
  const problems: string[] = [];
  const check = (field: string, types: readonly string[]): void => {
    const others = [...new Set(types.filter((type) => !allowed.includes(type)))];
    if (others.length > 0) problems.push(`${field}: ${list(others)} is not allowed, only ${list(allowed)}`);
  };
  const types = valuesOf('_type');
  if (types.length === 0) problems.push(`parameters._type: all types are not allowed, name some of ${list(allowed)}`);
  check('parameters._type', types);
  check(
    'parameters._typeFilter',
    valuesOf('_typeFilter').map((filter) => filter.replace(/\?.*$/s, '')),
  );
  check('parameters.organizeOutputBy', valuesOf('organizeOutputBy'));
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

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}
