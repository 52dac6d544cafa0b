import type { JSONWebKeySet } from 'jose';

/** The algorithms that SMART Backend Services names. */
export type Algorithm = 'RS384' | 'ES384';

/** Scope syntax of SMART 1 (`.read`) and of SMART 2 (`.rs`). */
export type Permission = 'permission-v1' | 'permission-v2';

/** A client that has been registered; without keys and without a secret it cannot get in. */
export type RegisteredClient = {
  clientId: string;
  /** Public keys; looked at anew for every request, so keys may come and go while the server runs. */
  jwks?: JSONWebKeySet;
  /** For HTTP Basic (`client_secret_basic`) and for the form (`client_secret_post`). */
  clientSecret?: string;
  /** Registered URL of the JWK Set; the only `jku` that an assertion may have. It is never fetched. */
  jku?: string;
};

/** Everything that can be set; every member has a default. `jwks`, `clientSecret` and `jku` are those of `clientId`. */
export type AuthServerOptions = Omit<RegisteredClient, 'clientId'> & {
  /** Default `demo-client`. */
  clientId?: string;
  /** Further clients; default none. */
  clients?: readonly RegisteredClient[];
  /** HTTP Basic at the FHIR server instead of tokens; there is no token endpoint then. */
  basic?: { username: string; password: string };
  /** Lifetime of access tokens in seconds, default 60. */
  lifetime?: number;
  /** What the answer says in `expires_in`; undefined leaves it out. Default: the lifetime. */
  expiresIn?: (lifetime: number) => unknown;
  /** Changes a token answer before it is sent, such as the case of `token_type`; default as it is. */
  answer?: (members: Record<string, unknown>) => unknown;
  /** What is granted of well-formed `system/` scopes; default all of them, as asked. Nothing is `invalid_scope`, too. */
  scopesAllowed?: (requested: string[]) => string[] | 'invalid_scope';
  /** A kick-off names types beyond its scope: `refuse` (default) with 403, or `narrow` to the others. */
  outOfScope?: 'refuse' | 'narrow';
  /** Declared and accepted; default both. */
  algorithms?: readonly Algorithm[];
  /** Declared capabilities, and the scope syntax understood; default both. */
  permission?: readonly Permission[];
  /** Milliseconds by which the server's clock is ahead: `Date` headers and everything about time; default 0. */
  clockOffset?: number;
  /**
   * Where the token endpoint is told: in `.well-known/smart-configuration` (`smart`, the default), only in the
   * CapabilityStatement (`capability`), or nowhere.
   */
  discovery?: 'smart' | 'capability' | 'none';
};

/** The options with their defaults. */
export type AuthSettings = Required<Omit<AuthServerOptions, 'jwks' | 'clientSecret' | 'jku' | 'basic' | 'clientId'>> &
  Pick<AuthServerOptions, 'basic'>;

export function authSettings(options: AuthServerOptions): AuthSettings {
  const { clientId = 'demo-client', jwks, clientSecret, jku, clients = [], ...rest } = options;
  const own = { clientId, ...(jwks && { jwks }), ...(clientSecret && { clientSecret }), ...(jku && { jku }) };
  for (const key of [own, ...clients].flatMap((client) => client.jwks?.keys ?? [])) {
    if (key.kid === undefined) throw new Error('A registered key needs a kid');
    if (key.d !== undefined || key.k !== undefined) throw new Error(`Only public keys are registered, not ${key.kid}`);
  }
  return {
    lifetime: 60,
    expiresIn: (lifetime) => lifetime,
    answer: (members) => members,
    scopesAllowed: (requested) => requested,
    outOfScope: 'refuse',
    algorithms: ['RS384', 'ES384'],
    permission: ['permission-v1', 'permission-v2'],
    clockOffset: 0,
    discovery: 'smart',
    ...rest,
    clients: [own, ...clients],
  };
}
