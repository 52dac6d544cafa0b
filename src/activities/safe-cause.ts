import { ApplicationFailure } from '@temporalio/common';

const DEEPEST = 5;

/**
 * The causes of an error as they may stand in the history: kind and place, without their messages, which may quote a
 * URL or content.
 */
export function safeCause(error: unknown, depth = 1): ApplicationFailure | undefined {
  if (!(error instanceof Error) || depth > DEEPEST) return undefined;
  const { code, syscall, name } = error as NodeJS.ErrnoException;
  const type = [code, name].find((text) => typeof text === 'string' && /^\w[\w.-]{0,60}$/.test(text)) ?? 'Error';
  const message = syscall === undefined ? type : `${type} (${syscall})`;
  const cause = safeCause(error.cause, depth + 1);
  const failure = ApplicationFailure.create({ type, message, ...(cause === undefined ? {} : { cause }) });
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line));
  failure.stack = [`${failure.name}: ${message}`, ...frames].join('\n');
  return failure;
}
