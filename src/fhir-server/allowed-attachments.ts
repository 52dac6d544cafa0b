import type { ServerConfig } from './server-schema.ts';
import { limitsData } from './allow.ts';

/**
 * Whether an attachment may be fetched, where the configuration limits which data comes.
 *
 * Its address is what a resource says, and whoever writes resources could name a search there: it would be asked with the
 * token of this client, which may read more than the request. So of the FHIR server itself, only a Binary is fetched.
 * Addresses elsewhere are no API of it; those of `fileOrigins` are trusted by the configuration, all others get no token.
 *
 * @param url absolute
 */
export function isAllowedAttachment(url: string, { baseUrl, allow = {} }: Pick<ServerConfig, 'baseUrl' | 'allow'>) {
  if (!limitsData(allow)) return true;
  const { origin, pathname, search } = new URL(url);
  const base = new URL(`${baseUrl}/`);
  if (origin !== base.origin) return true;
  return search === '' && pathname.startsWith(base.pathname) && BINARY.test(pathname.slice(base.pathname.length));
}

/** Its FHIR ids have no sign that could lead to another place. */
const BINARY = /^Binary\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
