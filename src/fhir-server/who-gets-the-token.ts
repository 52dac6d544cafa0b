import type { TokenRef } from '../auth/server-authorization.ts';
import type { ServerConfig } from './server-schema.ts';
import type { Entry } from '../fhir/entries.ts';

/**
 * Who gets the token:
 *
 * 1. Kick-off, status, manifest pages and DELETE carry it (`FhirServer.send`).
 * 2. A file carries it only where its manifest page says `requiresAccessToken` ({@link tokenForFile}).
 * 3. Whatever carries it, it reaches origins of the configuration only ({@link trustedOrigins}), and never another origin
 *    than the request's first one along a redirect. The HTTP client enforces this for every request (`http/trust.ts`).
 *
 * Source: Bulk Data IG, output manifest, `requiresAccessToken`.
 */
export function tokenForFile({ needsToken }: Entry, token: TokenRef | undefined): TokenRef | undefined {
  return needsToken ? token : undefined;
}

/** Origins that may receive the token, the configured headers and the client certificate. */
export function trustedOrigins({ baseUrl, fileOrigins }: ServerConfig): ReadonlySet<string> {
  return new Set([new URL(baseUrl).origin, ...fileOrigins]);
}

/** What to add to a refusal when the token was not sent, because the origin is not trusted. */
export function hintOfOrigin(url: string, trusted: ReadonlySet<string>): string {
  const { origin } = new URL(url);
  if (trusted.has(origin)) return '';
  return ` (no token was sent: ${origin} is not an origin of the configuration; if it is the server's own, add it to fileOrigins)`;
}
