import * as v from 'valibot';
import type { OperationName } from '../../fhir/operations.ts';
import { OPERATION_NAMES } from '../../fhir/operations.ts';
import { ruleOf, valuesOf } from '../../fhir/parameters.ts';
import { quote, shorten } from '../short-texts.ts';
import { faultOfValue } from './validate-parameter-value.ts';
import { isObject } from '../../fhir/is-object.ts';

const Value = v.union([v.string(), v.boolean(), v.number()]);
/** Value of a parameter, before anything is known of the parameter. */
export const Values = v.union([Value, v.array(Value)], 'must be text, true or false, or a list of them');

/** What is wrong with the parameters of a request, each problem naming the parameter and its fix. */
export function problemsOfParameters(parameters: unknown, operation: OperationName): string[] {
  if (!isObject(parameters)) return [];
  const problems = Object.entries(parameters).flatMap(([name, value]) =>
    [...faultsOfParameter(name, value, operation), ...faultsOfCompany(name, parameters, operation)].map(
      (fault) => `${shorten(`parameters.${name}`)}: ${fault}`,
    ),
  );
  const [smallest, largest] = [single(parameters, '_minimumFileSize'), single(parameters, '_maximumFileSize')];
  if (typeof smallest === 'number' && typeof largest === 'number' && largest <= smallest) {
    problems.push('parameters._maximumFileSize: must be larger than _minimumFileSize');
  }
  return problems;
}

function single(parameters: Record<string, unknown>, name: string): unknown {
  const value = parameters[name];
  return v.is(Values, value) ? valuesOf(name, value)[0] : undefined;
}

function faultsOfParameter(name: string, value: unknown, operation: OperationName): string[] {
  const rule = ruleOf(name, operation);
  if (rule === undefined && OPERATION_NAMES.some((other) => ruleOf(name, other) !== undefined)) {
    return [`is no parameter of operation "${operation}", remove it`];
  }
  if (rule === undefined && !/^_[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(name)) {
    return [`unknown parameter; names of your server's own begin with "_"${suggestion(name)}`];
  }
  // The schema has named it already.
  if (!v.is(Values, value)) return [];
  const values = valuesOf(name, value);
  if (values.length === 0) return ['is an empty list, remove it'];
  if (rule !== undefined && !rule.list && values.length > 1) return ['takes one value, not a list'];
  return values.flatMap((one) => {
    if (one === '') return ['has an empty value'];
    if (rule === undefined) return [];
    const fault = faultOfValue(name, rule, one);
    return fault === undefined ? [] : [`${quote(one)} ${fault}`];
  });
}

function faultsOfCompany(name: string, parameters: Record<string, unknown>, operation: OperationName): string[] {
  const needed = ruleOf(name, operation)?.needs?.[String(single(parameters, name))];
  return needed === undefined || parameters[needed] !== undefined ? [] : [`needs ${needed}, with this value`];
}

function suggestion(name: string): string {
  return ruleOf(`_${name}`) === undefined ? '' : ` (did you mean "_${name}"?)`;
}
