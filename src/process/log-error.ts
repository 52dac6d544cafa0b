import { types } from 'node:util';

/**
 * An error as the log shows it: what it is, what it says, where, and its causes. None of its other fields: some hold
 * whole requests.
 */
export function logError(error: unknown): unknown {
  // Errors of workflows come from another realm, where Error is another class.
  if (!types.isNativeError(error)) return error;
  const { name, message, stack, cause } = error;
  return { type: name, message, stack, ...(cause === undefined ? {} : { cause: logError(cause) }) };
}
