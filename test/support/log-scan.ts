import type { LogEntry } from '@temporalio/worker';
import { logError } from '../../src/process/log-error.ts';

/** What no line of a log may have, whatever the test is about: the sample server signs its links with `sig`. */
const FORBIDDEN: Readonly<Record<string, RegExp>> = {
  'a signed link': /[?&]sig=[\w%-]{8,}/,
  'a token': /\bBearer (?!\[redacted\])[\w.~+/-]{16,}/i,
  'an assertion': /\bclient_assertion=\w|\beyJ[\w-]{20,}\.[\w-]{20,}\./,
  'a password in an address': /:\/\/[^\s/?#"<>:]+:[^\s/?#"<>@]+@/,
};

/** What a line has that it must not; undefined: nothing. Errors are as the worker's own log has them. */
export function forbiddenIn({ message, meta = {} }: Pick<LogEntry, 'message' | 'meta'>): string | undefined {
  const text = JSON.stringify([message, meta], (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : logError(value),
  );
  return Object.entries(FORBIDDEN).find(([, pattern]) => pattern.test(text))?.[0];
}

/** Has the run of the test fail whose worker has logged what it must not. */
export function scanLog(entry: Pick<LogEntry, 'message' | 'meta'>): void {
  const found = forbiddenIn(entry);
  if (found === undefined) return;
  // Not in the middle of the SDK, which might take it for an error of the export.
  queueMicrotask(() => {
    throw new Error(`a worker has logged ${found}: ${entry.message}`);
  });
}
