import { basicCredentials, isBasic } from '../http/request-headers.ts';
import { checkClaims, checkSignature, parseJwt } from './assertion.ts';
import type { AuthSettings, RegisteredClient } from './options.ts';
import { clientCheck, TokenError, type TokenRequest } from './token-request.ts';

/** The parts of a token request that say who sent it. */
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

/** Remembers nonces and assertions, so that neither is accepted again. */
export class Replays {
  readonly #used = new Set<string>();
  readonly #received = new Map<string, number>();

  /** Counts an assertion on arrival, whatever the outcome of the request. */
  received(assertion: string): void {
    this.#received.set(assertion, (this.#received.get(assertion) ?? 0) + 1);
  }

  /**
   * Whether a client uses a nonce for the first time; remembers it. An assertion in a request that a fault answered
   * counts as used: a client makes a new one for every request.
   */
  isFirst(clientId: string, jti: string, assertion: string): boolean {
    const key = JSON.stringify([clientId, jti]);
    const first = !this.#used.has(key) && (this.#received.get(assertion) ?? 0) <= 1;
    this.#used.add(key);
    return first;
  }
}

/**
 * Finds out which client requests a token, and writes what it claims to `record`.
 *
 * @throws {@link TokenError} for a client that does not authenticate as it must
 */
export function authenticate(
  credentials: Credentials,
  settings: AuthSettings,
  replays: Replays,
  record: TokenRequest,
): RegisteredClient {
  const { form, authorization } = credentials;
  const byAssertion = form.has('client_assertion') || form.has('client_assertion_type');
  const methods = [byAssertion, isBasic(authorization), form.has('client_secret')].filter(Boolean).length;
  // RFC 6749, 2.3: not more than one.
  if (methods > 1) throw new TokenError('invalid_request', 'More than one way of client authentication');
  if (byAssertion) return byJwt(credentials, settings, replays, record);
  if (isBasic(authorization)) return byBasic(authorization, settings, record);
  clientCheck(form.has('client_secret'), 'There is no client authentication');
  record.method = 'client_secret_post';
  const clientId = form.get('client_id') ?? '';
  record.clientId = clientId;
  return bySecret(clientId, form.get('client_secret') ?? '', settings, 400);
}

function byJwt(
  { form, audience, now }: Credentials,
  { clients, algorithms }: AuthSettings,
  replays: Replays,
  record: TokenRequest,
): RegisteredClient {
  record.method = 'private_key_jwt';
  const assertion = form.get('client_assertion');
  if (assertion === undefined) throw new TokenError('invalid_request', 'client_assertion is missing');
  const type = form.get('client_assertion_type');
  if (type !== jwtBearer) throw new TokenError('invalid_request', `client_assertion_type must be ${jwtBearer}`);
  const jwt = parseJwt(assertion);
  const { kid, alg } = jwt.header;
  const { iss, jti } = jwt.claims;
  Object.assign(record, textMembers({ kid, alg, jti, clientId: iss }));
  const client = clients.find(({ clientId }) => clientId === iss);
  clientCheck(client !== undefined, 'The client is unknown');
  const named = form.get('client_id');
  clientCheck(named === undefined || named === client.clientId, 'client_id is not that of the assertion');
  checkSignature(jwt, client, algorithms);
  checkClaims(jwt.claims, client.clientId, audience, now);
  clientCheck(replays.isFirst(client.clientId, String(jti), assertion), 'The assertion has been used before');
  return client;
}

function byBasic(authorization: string | undefined, settings: AuthSettings, record: TokenRequest): RegisteredClient {
  record.method = 'client_secret_basic';
  const { name, password } = basicCredentials(authorization) ?? { name: '', password: '' };
  // RFC 6749, 2.3.1: the client form-encodes both before it puts them into the header.
  const [clientId, secret] = [name, password].map((text) =>
    new URLSearchParams(`x=${text.replaceAll('&', '%26')}`).get('x'),
  );
  record.clientId = clientId ?? '';
  return bySecret(clientId ?? '', secret ?? '', settings, 401);
}

function bySecret(clientId: string, secret: string, { clients }: AuthSettings, status: number): RegisteredClient {
  const client = clients.find((one) => one.clientId === clientId);
  if (client?.clientSecret === undefined || client.clientSecret !== secret) {
    throw new TokenError('invalid_client', 'The client is unknown or its secret is wrong', status);
  }
  return client;
}

/** Only the members that are text. */
function textMembers(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => typeof value === 'string'));
}
