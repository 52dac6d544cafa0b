import type { FailureCode } from '../../errors.ts';
import { ExportError } from '../../errors.ts';
import { BUILT_IN_ERRORS } from '../../storage/storage-error.ts';

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
  /** Name of the class, when it is one of the language: nobody may quote a parser, for one. */
  builtIn: string | undefined;
  /** It came of a request to AWS or S3. */
  isOfAws: boolean;
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
    builtIn: BUILT_IN_ERRORS.find((kind) => error instanceof kind)?.name,
    isOfAws: error instanceof Error && ('$metadata' in error || '$fault' in error),
    cause: cause instanceof Error && depth < DEEPEST ? toThrown(cause, depth + 1) : undefined,
  };
}

/** The error again, where somebody waits for it: with all by which it is judged there. */
export function fromThrown(thrown: ThrownError): Error {
  const { name, message, stack, code, syscall, failure, builtIn, isOfAws, cause } = thrown;
  const options = cause === undefined ? {} : { cause: fromThrown(cause) };
  if (failure !== undefined) return new ExportError(failure, message, options);
  const Kind = BUILT_IN_ERRORS.find((kind) => kind.name === builtIn) ?? Error;
  return Object.assign(new Kind(message, options), {
    name,
    ...(stack === undefined ? {} : { stack }),
    ...(code === undefined ? {} : { code }),
    ...(syscall === undefined ? {} : { syscall }),
    ...(isOfAws ? { $metadata: {} } : {}),
  });
}
