import type { LogLevel } from '@temporalio/worker';

/** Variable that says how much is logged. */
const VARIABLE = 'LOG_LEVEL';

/** Levels by the words of our logger, from the most to the least, and what the SDK calls them. */
const LEVELS = {
  // The SDK's own TRACE writes what workflows are given: requests, with patients.
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  fatal: 'ERROR',
  silent: 'ERROR',
} as const satisfies Record<string, LogLevel>;

/**
 * How much is logged: `LOG_LEVEL`, default `info`.
 *
 * @throws Error when the variable holds another word
 */
export function logLevelOf(env: NodeJS.ProcessEnv): keyof typeof LEVELS {
  const text = env[VARIABLE] ?? '';
  if (text === '') return 'info';
  if (!Object.hasOwn(LEVELS, text))
    throw new Error(`${VARIABLE}: must be debug, info, warn or error; this is ${JSON.stringify(text.slice(0, 50))}`);
  return text as keyof typeof LEVELS;
}

/** @param level of our logger */
export function levelOfSdk(level: string): LogLevel {
  return Object.hasOwn(LEVELS, level) ? LEVELS[level as keyof typeof LEVELS] : 'INFO';
}
