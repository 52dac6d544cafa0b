import { isUtf8 } from 'node:buffer';
import { hide } from './redact-secrets.ts';

/** Headers of every request, unless the request or the configuration says otherwise. */
export const DEFAULT_HEADERS = {
  // Firewalls refuse requests without a name (AWS WAF, Core rule set).
  'user-agent': 'fhir-bulk-export',
  // RFC 9110, 12.5.3: without the header the server may choose any coding.
  'accept-encoding': 'identity',
};

/** Names without case, so that a configured header replaces ours and is not sent beside it. */
export function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/**
 * Headers of an answer: names in lower case, several values of one name joined. Equal ones count once: where a server and
 * the proxy before it both write `Retry-After` or `Content-Location`, two of them would be neither a time nor an address.
 */
export function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      asMeant(Array.isArray(value) ? [...new Set(value)].join(', ') : value),
    ]),
  );
}

/** What is compared or asked for as it is, and never quoted. */
const KEPT: ReadonlySet<string> = new Set(['content-location', 'etag', 'location']);

/** Headers without a secret that the server repeats, such as in what it says of its progress. */
export function withoutSecret(
  headers: Record<string, string | undefined>,
  secret: string | undefined,
): Record<string, string | undefined> {
  if (!secret) return headers;
  const quoting = Object.entries(headers).filter(([name, value]) => value?.includes(secret) && !KEPT.has(name));
  return { ...headers, ...Object.fromEntries(quoting.map(([name, value = '']) => [name, hide(value, [secret])])) };
}

/** A value, such as an address, that was sent in UTF-8 without being encoded: undici reads each byte as a character. */
function asMeant(value: string | undefined): string | undefined {
  if (value === undefined || !/[\x80-\xff]/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}
