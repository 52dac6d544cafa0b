import { types } from 'node:util';
import { ownWords } from '../policy/own-words.ts';

/**
 * An error as the log shows it: what it is, what it says, where, and its causes. None of its other fields: some hold
 * whole requests. Nor what a failure of an export quotes: the line with which the export ends has it, where it may.
 */
export function logError(error: unknown): unknown {
  // Errors of workflows come from another realm, where Error is another class.
  if (!types.isNativeError(error)) return error;
  const { name, stack, cause } = error;
  const message = ownWords(error.message);
  return {
    type: name,
    message,
    stack: message === error.message ? stack : framesOf(stack),
    ...(cause === undefined ? {} : { cause: logError(cause) }),
  };
}

/** Without the message, with which a stack begins. */
function framesOf(stack = ''): string {
  const lines = stack.split('\n');
  return lines.filter((line) => /^\s+at /.test(line)).join('\n');
}
