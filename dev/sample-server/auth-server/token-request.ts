import type { IncomingMessage } from 'node:http';
import { jsonAnswer, type Answer } from '../http/answer.ts';

/** A token request and what the server found in it. Requests that a fault answered are not recorded. */
export type TokenRequest = {
  /** Milliseconds since 1970 by the true clock, as in the journal. */
  at: number;
  ok: boolean;
  /** Error code of RFC 6749. */
  error?: string;
  /** The reason for a refusal, as text. */
  description?: string;
  /** How the client tried to authenticate. */
  method?: 'private_key_jwt' | 'client_secret_basic' | 'client_secret_post';
  clientId?: string;
  /** Key, algorithm and nonce of the assertion, as claimed. */
  kid?: string;
  alg?: string;
  jti?: string;
  /** The scope as requested. */
  scope?: string;
  /** The scope as granted. */
  granted?: string;
};

/** RFC 6749, 5.1: answers of the token endpoint are not for caches. */
export const noStore = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** Refuses a token request. */
export class TokenError extends Error {
  readonly code: 'invalid_request' | 'invalid_client' | 'unsupported_grant_type' | 'invalid_scope';
  readonly status: number;

  /** `code` is one of RFC 6749, 5.2; `status` is 400, or 401 for clients that came with HTTP Basic. */
  constructor(code: TokenError['code'], description: string, status = 400) {
    super(description);
    this.code = code;
    this.status = status;
  }

  answer(): Answer {
    const challenge = this.status === 401 ? { 'www-authenticate': 'Basic realm="token"' } : {};
    const allow = this.status === 405 ? { allow: 'POST' } : {};
    const json = { error: this.code, error_description: this.message };
    return jsonAnswer(this.status, json, { ...noStore, ...challenge, ...allow });
  }
}

/** Refuses with `invalid_client` unless the condition holds. */
export function clientCheck(condition: boolean, description: string): asserts condition {
  if (!condition) throw new TokenError('invalid_client', description);
}

/**
 * Reads the form of a token request.
 *
 * @throws {@link TokenError} for anything but a well-formed form POST
 */
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
    // RFC 6749, 3.2: a parameter without a value counts as absent.
    if (value !== '') form.set(name, value);
  }
  return form;
}
