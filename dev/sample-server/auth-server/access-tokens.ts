import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { errorAnswer, granted, refused, type Answer, type Checked } from '../http/answer.ts';
import { basicCredentials } from '../http/request-headers.ts';
import type { AuthSettings, Permission } from './options.ts';

/** The meaning of an access token. */
export type Token = {
  clientId: string;
  scopes: readonly string[];
  /** By the server's clock, milliseconds since 1970. */
  expiresAt: number;
};

/** The access tokens: opaque random text, known to this server only. */
export class TokenStore {
  readonly #tokens = new Map<string, Token>();

  issue(token: Token): string {
    const value = randomBytes(48).toString('base64url');
    this.#tokens.set(value, token);
    return value;
  }

  /** Finds expired tokens, too, so that a refusal can give the reason. */
  find(value: string): Token | undefined {
    return this.#tokens.get(value);
  }

  revokeAll(): void {
    this.#tokens.clear();
  }
}

/** The valid token of a request to the FHIR server, or the refusal (RFC 6750, 3). `now` is the server's time. */
export function requestToken(request: IncomingMessage, tokens: TokenStore, now: number): Checked<Token> {
  const value = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
  // RFC 6750, 3.1: no error code for a request without a token.
  if (value === undefined) return refused(unauthorized('login', 'This needs an access token', 'Bearer realm="fhir"'));
  const token = tokens.find(value);
  if (token !== undefined && token.expiresAt > now) return granted(token);
  const text = token === undefined ? 'The access token is unknown or was revoked' : 'The access token has expired';
  const code = token === undefined ? 'login' : 'expired';
  const challenge = `Bearer realm="fhir", error="invalid_token", error_description="${text}"`;
  return refused(unauthorized(code, text, challenge));
}

/** Refuses a request without the right name and password. */
export function basicRefusal(request: IncomingMessage, basic: NonNullable<AuthSettings['basic']>): Answer | undefined {
  const given = basicCredentials(request.headers.authorization);
  if (given?.name === basic.username && given.password === basic.password) return undefined;
  return unauthorized('login', 'This needs a name and a password', 'Basic realm="fhir", charset="UTF-8"');
}

/** Those of the types that a token may read. Refused unless there is one, or with `all` unless it covers every one. */
export function permittedTypes(token: Token, types: readonly string[], all: boolean): Checked<readonly string[]> {
  const allowed = types.filter((type) => covers(token.scopes, type));
  const missing = types.filter((type) => !allowed.includes(type));
  if (missing.length === 0 || (!all && allowed.length > 0)) return granted(allowed);
  const scope = missing.map((type) => `system/${type}.rs`).join(' ');
  return refused(
    errorAnswer(403, 'forbidden', `The access token has no scope for ${missing.join(', ')}`, {
      'www-authenticate': `Bearer realm="fhir", error="insufficient_scope", scope="${scope}"`,
    }),
  );
}

function unauthorized(code: string, text: string, challenge: string): Answer {
  return errorAnswer(401, code, text, { 'www-authenticate': challenge });
}

// SMART App Launch 2.2, 3.0.2: letters in this order only; servers may reject others.
const syntax: Record<Permission, RegExp> = {
  'permission-v1': /^system\/(\*|[A-Z][A-Za-z]*)\.(read|write|\*)$/,
  'permission-v2': /^system\/(\*|[A-Z][A-Za-z]*)\.(?=[cruds])(c?r?u?d?s?)(\?\S+)?$/,
};
const lettersOf: Record<string, string> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** Whether a scope is a `system/` scope in one of these syntaxes. */
export function isWellFormed(scope: string, permission: readonly Permission[]): boolean {
  return permission.some((one) => syntax[one].test(scope));
}

/** Whether the scopes allow an export of the type, that is to read and to search it. A Binary is only ever read. */
function covers(scopes: readonly string[], type: string): boolean {
  let letters = '';
  for (const scope of scopes) {
    const [, of, rights = ''] = syntax['permission-v1'].exec(scope) ?? syntax['permission-v2'].exec(scope) ?? [];
    if (of === '*' || of === type) letters += lettersOf[rights] ?? rights;
  }
  return letters.includes('r') && (type === 'Binary' || letters.includes('s'));
}
