import type { FailureCode } from '../../errors.ts';
import { ExportError } from '../../errors.ts';

/** An error as plain data. A structured clone would lose its code and its class. */
export interface ThrownError {
  name: string;
  message: string;
  stack: string | undefined;
  /** Of an error of the operating system. */
  code: string | undefined;
  syscall: string | undefined;
  /** Of an `ExportError`. */
  failure: FailureCode | undefined;
  cause: ThrownError | undefined;
}

const DEEPEST = 5;

export function toThrown(error: unknown, depth = 1): ThrownError {
  const { name, message, stack, code, syscall, cause } = (
    error instanceof Error ? error : new Error(String(error))
  ) as NodeJS.ErrnoException;
  return {
    name,
    message,
    stack,
    code: typeof code === 'string' ? code : undefined,
    syscall: typeof syscall === 'string' ? syscall : undefined,
    failure: error instanceof ExportError ? error.code : undefined,
    cause: cause instanceof Error && depth < DEEPEST ? toThrown(cause, depth + 1) : undefined,
  };
}

/** The error again, where somebody waits for it. */
export function fromThrown({ name, message, stack, code, syscall, failure, cause }: ThrownError): Error {
  const options = cause === undefined ? {} : { cause: fromThrown(cause) };
  if (failure !== undefined) return new ExportError(failure, message, options);
  return Object.assign(new Error(message, options), {
    name,
    ...(stack === undefined ? {} : { stack }),
    ...(code === undefined ? {} : { code }),
    ...(syscall === undefined ? {} : { syscall }),
  });
}
