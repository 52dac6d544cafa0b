import type { IncomingMessage } from 'node:http';
import { jsonAnswer, type Answer } from '../http/answer.ts';
import { isWellFormed, type TokenStore } from './access-tokens.ts';
import { authenticate, type Replays } from './client-authentication.ts';
import type { AuthSettings } from './options.ts';
import { noStore, readForm, TokenError, type TokenRequest } from './token-request.ts';

/** The token endpoint: its absolute URL and its state. `now` is the server's time, milliseconds since 1970. */
export type Endpoint = {
  url: string;
  settings: AuthSettings;
  tokens: TokenStore;
  replays: Replays;
  now: () => number;
};

/** Answers a token request, and fills in its `record`; `token` is the access token that the answer contains. */
export function answerTokenRequest(
  request: IncomingMessage,
  body: string,
  { url, settings, tokens, replays, now }: Endpoint,
  record: TokenRequest,
): { answer: Answer; token?: string } {
  try {
    const form = readForm(request, body);
    const scope = form.get('scope');
    if (scope !== undefined) record.scope = scope;
    const { authorization } = request.headers;
    const client = authenticate({ form, authorization, audience: url, now: now() }, settings, replays, record);
    checkGrantType(form.get('grant_type'));
    const scopes = grantedScopes(scope, settings);
    record.granted = scopes.join(' ');
    const { lifetime, expiresIn, answer } = settings;
    const { clientId } = client;
    const token = tokens.issue({ clientId, scopes, expiresAt: now() + lifetime * 1000 });
    const members = {
      access_token: token,
      token_type: 'bearer',
      expires_in: expiresIn(lifetime),
      scope: record.granted,
    };
    record.ok = true;
    return { answer: jsonAnswer(200, answer(members), noStore), token };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    record.error = error.code;
    record.description = error.message;
    return { answer: error.answer() };
  }
}

function checkGrantType(grantType: string | undefined): void {
  if (grantType === undefined) throw new TokenError('invalid_request', 'grant_type is missing');
  if (grantType !== 'client_credentials') {
    throw new TokenError('unsupported_grant_type', 'grant_type must be client_credentials');
  }
}

function grantedScopes(scope: string | undefined, { permission, scopesAllowed }: AuthSettings): string[] {
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
