/** The preferences of a `Prefer` header (RFC 7240), lower case, such as `respond-async` and `handling=lenient`. */
export function preferencesOf(header: string | string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((preference) => preference.split(';')[0]?.replace(/\s+/g, '').replaceAll('"', '').toLowerCase() ?? '')
    .filter((preference) => preference !== '');
}

/** Whether an `Accept` or `Content-Type` header names this media type, parameters aside. */
export function hasMediaType(header: string | undefined, ...types: string[]): boolean {
  return (header ?? '').split(',').some((part) => types.includes(part.split(';')[0]?.trim().toLowerCase() ?? ''));
}
