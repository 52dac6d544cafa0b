import type { IncomingMessage } from 'node:http';
import { errorAnswer, type Answer } from '../http/answer.ts';
import { basicCredentials } from './basic.ts';
import type { AuthSettings } from './options.ts';
import { covers } from './scopes.ts';
import type { Token, TokenStore } from './tokens.ts';

/** The valid token of a request to the FHIR server, or the refusal (RFC 6750, 3). `now` is the server's time. */
export function bearerToken(request: IncomingMessage, tokens: TokenStore, now: number): Token | Answer {
  const value = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
  // RFC 6750, 3.1: no error code for those who did not try.
  if (value === undefined) return unauthorized('login', 'This needs an access token', 'Bearer realm="fhir"');
  const token = tokens.find(value);
  if (token !== undefined && token.expiresAt > now) return token;
  const text = token === undefined ? 'The access token is unknown or was revoked' : 'The access token has expired';
  const code = token === undefined ? 'login' : 'expired';
  return unauthorized(code, text, `Bearer realm="fhir", error="invalid_token", error_description="${text}"`);
}

/** Refuses a request without the right name and password. */
export function basicProblem(request: IncomingMessage, basic: NonNullable<AuthSettings['basic']>): Answer | undefined {
  const given = basicCredentials(request.headers.authorization);
  if (given?.name === basic.username && given.password === basic.password) return undefined;
  return unauthorized('login', 'This needs a name and a password', 'Basic realm="fhir", charset="UTF-8"');
}

/** The types of an export that a token may read, or the refusal when that is not enough. */
export function permitted(token: Token, types: readonly string[], all: boolean): readonly string[] | Answer {
  const allowed = types.filter((type) => covers(token.scopes, type));
  const missing = types.filter((type) => !allowed.includes(type));
  if (missing.length === 0 || (!all && allowed.length > 0)) return allowed;
  const scope = missing.map((type) => `system/${type}.rs`).join(' ');
  return errorAnswer(403, 'forbidden', `The access token has no scope for ${missing.join(', ')}`, {
    'www-authenticate': `Bearer realm="fhir", error="insufficient_scope", scope="${scope}"`,
  });
}

function unauthorized(code: string, text: string, challenge: string): Answer {
  return errorAnswer(401, code, text, { 'www-authenticate': challenge });
}
