/**
 * Resolves a URL that a server gave. An absolute one is kept to the letter, because servers compare it so: a status URL,
 * a signed link, the `aud` of an assertion.
 *
 * @param base the address of the document in which it stands
 * @returns undefined when it is not a URL
 */
export function resolveUrl(url: string, base: string): string | undefined {
  if (!URL.canParse(url, base)) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : new URL(url, base).href;
}
