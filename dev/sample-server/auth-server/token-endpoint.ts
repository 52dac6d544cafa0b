import type { IncomingMessage } from 'node:http';
import { jsonAnswer, type Answer } from '../http/answer.ts';
import { authenticate } from './authenticate.ts';
import { readForm } from './form.ts';
import type { AuthSettings } from './options.ts';
import type { Replays } from './replays.ts';
import { isWellFormed } from './scopes.ts';
import { noStore, TokenError } from './token-error.ts';
import type { TokenRequest } from './token-request.ts';
import type { TokenStore } from './tokens.ts';

/** What the token endpoint works with. */
export type Endpoint = { settings: AuthSettings; tokens: TokenStore; replays: Replays; now: () => number };

/** Answers a token request, and fills `found`; `audience` is the URL of the token endpoint. */
export function tokenAnswer(
  request: IncomingMessage,
  body: string,
  audience: string,
  { settings, tokens, replays, now }: Endpoint,
  found: TokenRequest,
): { answer: Answer; token?: string } {
  try {
    const form = readForm(request, body);
    const scope = form.get('scope');
    if (scope !== undefined) found.scope = scope;
    const { authorization } = request.headers;
    const client = authenticate({ form, authorization, audience, now: now() }, settings, replays, found);
    checkGrant(form.get('grant_type'));
    const scopes = granted(scope, settings);
    found.granted = scopes.join(' ');
    const { lifetime, expiresIn, answer } = settings;
    const { clientId } = client;
    const token = tokens.issue({ clientId, scopes, expiresAt: now() + lifetime * 1000 });
    const members = {
      access_token: token,
      token_type: 'bearer',
      expires_in: expiresIn(lifetime),
      scope: found.granted,
    };
    found.ok = true;
    return { answer: jsonAnswer(200, answer(members), noStore), token };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    found.error = error.code;
    found.description = error.message;
    return { answer: error.answer() };
  }
}

function checkGrant(grantType: string | undefined): void {
  if (grantType === undefined) throw new TokenError('invalid_request', 'grant_type is missing');
  if (grantType !== 'client_credentials') {
    throw new TokenError('unsupported_grant_type', 'grant_type must be client_credentials');
  }
}

function granted(scope: string | undefined, { permission, scopesAllowed }: AuthSettings): string[] {
  // Optional in RFC 6749, required by SMART Backend Services.
  if (scope === undefined) throw new TokenError('invalid_request', 'scope is missing');
  // RFC 6749, 3.3: exactly one space between two.
  const requested = scope.split(' ');
  const bad = requested.find((one) => !isWellFormed(one, permission));
  if (bad !== undefined) throw new TokenError('invalid_scope', `"${bad}" is not a scope of this server`);
  const allowed = scopesAllowed(requested);
  if (allowed === 'invalid_scope' || allowed.length === 0) {
    throw new TokenError('invalid_scope', 'The client may not have these scopes');
  }
  return allowed;
}
