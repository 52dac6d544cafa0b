import type { OperationName, ParameterRule } from './operations.ts';
import { OPERATIONS } from './operations.ts';

export type { ParameterRule } from './operations.ts';

/** The rule of a parameter of an operation; undefined for a server's own. Names of `Object.prototype` are no parameters. */
export function ruleOf(name: string, operation: OperationName = 'export'): ParameterRule | undefined {
  const { parameters } = OPERATIONS[operation];
  return Object.hasOwn(parameters, name) ? parameters[name] : undefined;
}

/** Lists whose values cannot hold a comma, so that `a,b` is two values. A `_typeFilter` can: it is one query. */
const SPLIT_AT_COMMAS = new Set(['_type', '_elements', 'includeAssociatedData', 'patient']);

/** Parameters as lists of texts, in the order given: one shape for both kick-off methods. */
export type ParameterList = readonly { name: string; values: readonly (string | boolean | number)[] }[];

/** Brings the request's parameters into one shape; expects them to be valid. */
export function listParameters(
  parameters: Readonly<Record<string, string | boolean | number | readonly (string | boolean | number)[]>>,
): ParameterList {
  return Object.entries(parameters)
    .map(([name, value]) => ({ name, values: valuesOf(name, value) }))
    .filter(({ values }) => values.length > 0);
}

/** The single values of one parameter: lists taken apart, booleans given as text turned into booleans. */
export function valuesOf(
  name: string,
  value: string | boolean | number | readonly (string | boolean | number)[],
): (string | boolean | number)[] {
  const values: (string | boolean | number)[] = Array.isArray(value)
    ? [...value]
    : [value as string | boolean | number];
  const type = ruleOf(name)?.type;
  return values
    .flatMap((one) =>
      typeof one === 'string' && SPLIT_AT_COMMAS.has(name) ? one.split(',').map((part) => part.trim()) : [one],
    )
    .map((one) => {
      if (type === 'boolean' && (one === 'true' || one === 'false')) return one === 'true';
      if (type === 'positiveInt' && typeof one === 'string' && /^\d{1,15}$/.test(one)) return Number(one);
      if (type === 'reference' && typeof one === 'string' && !one.includes('/')) return `Patient/${one}`;
      return one;
    });
}
