import * as v from 'valibot';
import { Mapping, Text } from '../config/fields.ts';
import type { ExportRequest } from '../contract.ts';
import type { ParameterList } from '../fhir/parameters.ts';
import { listParameters, ruleOf } from '../fhir/parameters.ts';
import { fewNames, quote, shorten } from '../policy/short-texts.ts';
import { problemsOfTypes } from './allowed-types.ts';
import { problemsOfValues } from './allowed-values.ts';
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
    ...problemsOfParameters(parameters, allow, asked),
    ...(limitsData(allow) ? problemsOfValues(parameters, allow, asked.operation) : []),
    ...(allow.types === undefined ? [] : problemsOfTypes(asked, parameters, allow.types)),
  ];
}

/** Whether not all of the server's data is allowed. */
export function limitsData({ levels, groups, types }: Allow): boolean {
  return levels !== undefined || groups !== undefined || types !== undefined;
}

function problemsOfPlace({ level, groupId, destination }: AskedFor, { levels, groups, destinations }: Allow): string[] {
  const problems: string[] = [];
  if (levels?.includes(level) === false)
    problems.push(`level: ${quote(level)} is not allowed, only ${fewNames(levels)}`);
  if (groups !== undefined && level !== 'group') {
    problems.push(`level: "${level}" is not allowed, because only some groups are`);
  } else if (groups?.includes(groupId ?? '') === false) {
    problems.push(`groupId: ${quote(groupId)} is not allowed`);
  }
  if (destinations?.includes(destination) === false) {
    problems.push(`destination: ${quote(destination)} is not allowed, only ${fewNames(destinations)}`);
  }
  return problems;
}

function problemsOfParameters(
  parameters: ParameterList,
  allow: Allow,
  { level, operation }: Pick<AskedFor, 'level' | 'operation'>,
): string[] {
  const { groups, types, levels, parameters: names } = allow;
  const limit = level === 'group' && levels?.includes('patient') === false ? 'level "patient" is not' : undefined;
  const limitOfPatient = groups === undefined ? limit : 'only some groups are';
  return parameters.flatMap(({ name }) => {
    const isNamed = names?.includes(name) === true;
    // A limit of types would otherwise need the name as well.
    if (isNamed || (name === '_type' && types !== undefined)) return [];
    if (names !== undefined) return [`${shorten(`parameters.${name}`)}: is not allowed`];
    // Nobody knows what it does: it may be the server's own word for another type or group.
    if (ruleOf(name, operation) === undefined && limitsData(allow)) {
      return [
        `${shorten(`parameters.${name}`)}: a parameter of the server's own is not allowed, unless allow.parameters names it`,
      ];
    }
    // A server may not look whether these patients are members.
    if (name === 'patient' && limitOfPatient !== undefined) {
      return [`parameters.patient: is not allowed, because ${limitOfPatient}, unless allow.parameters names it`];
    }
    return [];
  });
}
