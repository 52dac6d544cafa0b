import type { CheckRequest } from '../../contract.ts';
import { isExport } from '../../fhir/operations.ts';
import { isObject } from '../../fhir/is-object.ts';

/**
 * The export that a check is about, with something valid where nothing is wished: what will be planned there depends on
 * the configuration. Pure.
 */
export function checkAsExport(request: unknown): unknown {
  if (!isObject(request)) return request;
  const { types, parameters = {}, destination, level, groupId, operation, ...others } = request;
  const isGroup =
    groupId !== undefined || (operation !== undefined && !isExport(operation as CheckRequest['operation']));
  const anyLevel = isGroup ? 'group' : 'patient';
  const planned = level ?? anyLevel;
  const isEmpty = types === undefined || (Array.isArray(types) && types.length === 0);
  return {
    ...others,
    level: planned,
    ...(planned === 'group' ? { groupId: groupId ?? 'any' } : { groupId }),
    operation,
    parameters: isObject(parameters) && !isEmpty ? { _type: types, ...parameters } : parameters,
    ...(destination === undefined ? {} : { destination: { name: destination } }),
  };
}
