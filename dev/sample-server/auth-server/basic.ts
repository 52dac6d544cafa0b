/** Name and password of HTTP Basic (RFC 7617); undefined for another scheme and for what cannot be read. */
export function basicCredentials(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Whether a header has the scheme Basic, however badly filled. */
export function isBasic(header: string | undefined): boolean {
  return /^Basic\b/i.test(header ?? '');
}
