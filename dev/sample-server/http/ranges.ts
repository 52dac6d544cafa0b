/** A stretch of a file to send, or `unsatisfiable` (416), or undefined for the whole file. */
export type Range = { start: number; end: number } | 'unsatisfiable' | undefined;

/**
 * Reads `Range` and `If-Range` (RFC 9110, 14.2 and 13.1.5). Several ranges and other units are ignored, as the RFC
 * allows; `If-Range` has to be the strong ETag.
 */
export function rangeOf(header: string | undefined, ifRange: string | undefined, etag: string, size: number): Range {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (ifRange !== undefined && ifRange !== etag) return undefined;
  if (first === '') {
    return Number(last) === 0 ? 'unsatisfiable' : { start: Math.max(0, size - Number(last)), end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}
