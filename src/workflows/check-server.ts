import { patched } from '@temporalio/workflow';
import type { CheckReport, CheckRequest } from '../contract.ts';
import { isExport } from '../fhir/operations.ts';
import { unwrap } from './failure.ts';
import { isObject } from '../policy/request/is-object.ts';
import { requireValid } from './run-input.ts';
import { step } from './activity-options.ts';

/**
 * Checks a configured server and a destination without exporting anything.
 *
 * @throws ApplicationFailure `InvalidRequest` where an export that asks for the same would be refused by it,
 *   `UnknownServer`
 */
export async function checkServer(request: CheckRequest): Promise<CheckReport> {
  try {
    requireValid([exportOf(request)]);
  } catch (error) {
    // A check that began before that rule goes on.
    if (patched('checks-are-of-valid-requests')) throw error;
  }
  try {
    const rows = await step(`check ${request.server}`).checkServer(request);
    return { ok: rows.every(({ result }) => result !== 'failed'), rows };
  } catch (error) {
    throw unwrap(error);
  }
}

/**
 * The export that a check is about, with something valid where nothing is wished: what will be planned there depends on
 * the configuration.
 */
function exportOf(request: unknown): unknown {
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
