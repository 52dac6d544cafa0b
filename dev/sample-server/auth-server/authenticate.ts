import { basicCredentials, isBasic } from './basic.ts';
import { checkSignature, parseJwt } from './assertion.ts';
import { checkClaims } from './claims.ts';
import type { AuthSettings, RegisteredClient } from './options.ts';
import type { Replays } from './replays.ts';
import { clientCheck, TokenError } from './token-error.ts';
import type { TokenRequest } from './token-request.ts';

/** What is needed to tell who asks for a token. */
export type Credentials = {
  form: Map<string, string>;
  /** The header `Authorization`. */
  authorization: string | undefined;
  /** The URL of the token endpoint. */
  audience: string;
  /** The server's time, milliseconds since 1970. */
  now: number;
};

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Finds out which client asks for a token, and notes in `found` what it says; throws {@link TokenError}. */
export function authenticate(
  credentials: Credentials,
  settings: AuthSettings,
  replays: Replays,
  found: TokenRequest,
): RegisteredClient {
  const { form, authorization } = credentials;
  const byAssertion = form.has('client_assertion') || form.has('client_assertion_type');
  const ways = [byAssertion, isBasic(authorization), form.has('client_secret')].filter(Boolean).length;
  // RFC 6749, 2.3: not more than one.
  if (ways > 1) throw new TokenError('invalid_request', 'More than one way of client authentication');
  if (byAssertion) return byJwt(credentials, settings, replays, found);
  if (isBasic(authorization)) return byBasic(authorization, settings, found);
  clientCheck(form.has('client_secret'), 'There is no client authentication');
  found.method = 'client_secret_post';
  const clientId = form.get('client_id') ?? '';
  found.clientId = clientId;
  return bySecret(clientId, form.get('client_secret') ?? '', settings, 400);
}

function byJwt(
  { form, audience, now }: Credentials,
  { clients, algorithms }: AuthSettings,
  replays: Replays,
  found: TokenRequest,
): RegisteredClient {
  found.method = 'private_key_jwt';
  const assertion = form.get('client_assertion');
  if (assertion === undefined) throw new TokenError('invalid_request', 'client_assertion is missing');
  const type = form.get('client_assertion_type');
  if (type !== jwtBearer) throw new TokenError('invalid_request', `client_assertion_type must be ${jwtBearer}`);
  const jwt = parseJwt(assertion);
  const { kid, alg } = jwt.header;
  const { iss, jti } = jwt.claims;
  Object.assign(found, texts({ kid, alg, jti, clientId: iss }));
  const client = clients.find(({ clientId }) => clientId === iss);
  clientCheck(client !== undefined, 'The client is unknown');
  const named = form.get('client_id');
  clientCheck(named === undefined || named === client.clientId, 'client_id is not that of the assertion');
  checkSignature(jwt, client, algorithms);
  checkClaims(jwt.claims, client.clientId, audience, now);
  clientCheck(replays.isFirst(client.clientId, String(jti), assertion), 'The assertion has been used before');
  return client;
}

function byBasic(authorization: string | undefined, settings: AuthSettings, found: TokenRequest): RegisteredClient {
  found.method = 'client_secret_basic';
  const { name, password } = basicCredentials(authorization) ?? { name: '', password: '' };
  // RFC 6749, 2.3.1: both are form-encoded before they are put into the header.
  const [clientId, secret] = [name, password].map((text) =>
    new URLSearchParams(`x=${text.replaceAll('&', '%26')}`).get('x'),
  );
  found.clientId = clientId ?? '';
  return bySecret(clientId ?? '', secret ?? '', settings, 401);
}

function bySecret(clientId: string, secret: string, { clients }: AuthSettings, status: number): RegisteredClient {
  const client = clients.find((one) => one.clientId === clientId);
  if (client?.clientSecret === undefined || client.clientSecret !== secret) {
    throw new TokenError('invalid_client', 'The client is unknown or its secret is wrong', status);
  }
  return client;
}

/** Without the members that are no text. */
function texts(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => typeof value === 'string'));
}
