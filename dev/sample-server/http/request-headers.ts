/** The preferences of a `Prefer` header (RFC 7240), lower case, such as `respond-async` and `handling=lenient`. */
export function preferencesOf(header: string | string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((preference) => preference.split(';')[0]?.replace(/\s+/g, '').replaceAll('"', '').toLowerCase() ?? '')
    .filter((preference) => preference !== '');
}

/** Whether an `Accept` or `Content-Type` header names one of these media types, parameters aside. */
export function hasMediaType(header: string | undefined, ...types: string[]): boolean {
  return (header ?? '').split(',').some((part) => types.includes(part.split(';')[0]?.trim().toLowerCase() ?? ''));
}

/** Whether an `Accept-Encoding` header names `gzip` with a weight above 0 (RFC 9110, 12.5.3). */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  return /(^|,)\s*(x-)?gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?(,|$)/i.test([header ?? ''].flat().join(','));
}

/** The stretch of a file that a request asks for; `end` is the position of the last byte. Unsatisfiable means 416. */
export type Range = { kind: 'whole' } | { kind: 'part'; start: number; end: number } | { kind: 'unsatisfiable' };

/**
 * Reads `Range` and `If-Range` (RFC 9110, 14.2 and 13.1.5). Several ranges and other units are ignored, as the RFC
 * allows; `If-Range` must be the strong ETag.
 */
export function rangeOf(header: string | undefined, ifRange: string | undefined, etag: string, size: number): Range {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return { kind: 'whole' };
  if (ifRange !== undefined && ifRange !== etag) return { kind: 'whole' };
  if (first === '') {
    if (Number(last) === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', start: Math.max(0, size - Number(last)), end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  return start >= size ? { kind: 'unsatisfiable' } : { kind: 'part', start, end };
}

/** Name and password of HTTP Basic (RFC 7617); undefined for another scheme and for an unreadable value. */
export function basicCredentials(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Whether an `Authorization` header has the scheme Basic, whether readable or not. */
export function isBasic(header: string | undefined): boolean {
  return /^Basic\b/i.test(header ?? '');
}
