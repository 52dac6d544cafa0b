import type { TokenRef } from '../auth/server-authorization.ts';
import type { ServerConfig } from './server-schema.ts';
import type { ServerSettings } from '../profiles/settings.ts';
import type { Entry } from '../fhir/entries.ts';

/**
 * Who gets the token:
 *
 * 1. Kick-off, status, manifest pages and DELETE carry it (`FhirServer.send`).
 * 2. A file carries it only where its manifest page says `requiresAccessToken`, unless the server's settings say
 *    `always` or `never` ({@link tokenForFile}). `always` is for origins of the configuration only.
 * 3. Whatever carries it, it reaches origins of the configuration only ({@link trustedOrigins}), and never another origin
 *    than the request's first one along a redirect. The HTTP client enforces this for every request (`http/trust.ts`).
 *
 * Source: Bulk Data IG, output manifest, `requiresAccessToken`.
 */
export function tokenForFile(
  { needsToken, url, kind }: Pick<Entry, 'needsToken' | 'url' | 'kind'>,
  token: TokenRef | undefined,
  { requiresAccessToken }: Pick<ServerSettings, 'requiresAccessToken'>,
  trusted: ReadonlySet<string>,
): TokenRef | undefined {
  switch (requiresAccessToken) {
    case 'believe':
      return needsToken ? token : undefined;
    case 'always':
      return needsToken || trusted.has(new URL(url).origin) ? token : undefined;
    case 'never':
      // Attachments come from the server itself, whatever its storage of files wants.
      return needsToken && kind === 'attachment' ? token : undefined;
  }
}

/**
 * Whether batches of files are given a token to send.
 *
 * @param said by the manifest
 */
export function filesNeedToken(
  said: boolean,
  { requiresAccessToken }: Pick<ServerSettings, 'requiresAccessToken'>,
): boolean {
  return said || requiresAccessToken === 'always';
}

/** Origins that may receive the token, the configured headers and the client certificate. */
export function trustedOrigins({ baseUrl, fileOrigins }: ServerConfig): ReadonlySet<string> {
  return new Set([new URL(baseUrl).origin, ...fileOrigins]);
}

/**
 * What to add to a refusal by another origin than was asked: the configuration has no cure for it.
 *
 * @param cure what has to name the other origin
 */
export function hintOfRedirect(from: string, to: string, cure: string): string {
  const [asked, answering] = [from, to].map((url) => new URL(url).origin);
  return ` (no token goes along the redirect from ${asked} to ${answering}; if that is the server's own, ${cure})`;
}

/** What to add to a refusal when the token was not sent, because the origin is not trusted. */
export function hintOfOrigin(url: string, trusted: ReadonlySet<string>): string {
  const { origin } = new URL(url);
  if (trusted.has(origin)) return '';
  return ` (no token was sent: ${origin} is not an origin of the configuration; if it is the server's own, add it to fileOrigins)`;
}
