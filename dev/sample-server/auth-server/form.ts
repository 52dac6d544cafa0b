import type { IncomingMessage } from 'node:http';
import { TokenError } from './token-error.ts';

/** Reads the form of a token request; throws {@link TokenError} when it is none. */
export function readForm(request: IncomingMessage, body: string): Map<string, string> {
  if (request.method !== 'POST') throw new TokenError('invalid_request', 'The token endpoint takes POST only', 405);
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new TokenError('invalid_request', 'The Content-Type must be application/x-www-form-urlencoded');
  }
  // RFC 6749, 2.3.1: never in the request URI, which ends up in logs.
  if (request.url?.includes('?') === true) throw new TokenError('invalid_request', 'Parameters belong in the body');
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    // RFC 6749, 3.2
    if (form.has(name)) throw new TokenError('invalid_request', `${name} is repeated`);
    // RFC 6749, 3.2: parameters without a value are treated as if they were left out.
    if (value !== '') form.set(name, value);
  }
  return form;
}
