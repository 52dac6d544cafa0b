/**
 * Resolves a URL that a server gave. An absolute one is kept to the letter, because servers compare it so: a status URL,
 * a signed link, the `aud` of an assertion. Only `http:` becomes `https:` where the document came by that from the same
 * host: a server behind a proxy that ends TLS does not know how it is reached (HAPI).
 *
 * @param base the address of the document in which it stands
 * @returns undefined when it is not a URL
 */
export function resolveUrl(url: string, base: string): string | undefined {
  if (!URL.canParse(url, base)) return undefined;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return new URL(url, base).href;
  return lostTls(new URL(url), new URL(base))
    ? url.replace(/^http:(\/\/[^/?#]*?)(:\d*)?(?=[/?#]|$)/i, 'https:$1')
    : url;
}

function lostTls(url: URL, base: URL): boolean {
  if (url.protocol !== 'http:' || base.protocol !== 'https:' || url.hostname !== base.hostname) return false;
  return base.port === '' && (url.port === '' || url.port === '443');
}
