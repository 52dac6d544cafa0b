import type { JsonWebKey } from 'node:crypto';

/** The algorithms that SMART Backend Services names. */
export type Algorithm = 'RS384' | 'ES384';

/** Scope syntax of SMART 1 (`.read`) and of SMART 2 (`.rs`). */
export type Permission = 'permission-v1' | 'permission-v2';

/** A JWK Set (RFC 7517) of public keys. */
export type PublicKeys = { keys: (JsonWebKey & { kid?: string | undefined; alg?: string | undefined })[] };

/** A registered client; one with neither keys nor a secret cannot authenticate. */
export type RegisteredClient = {
  clientId: string;
  /** Public keys; read anew for every request, so keys may come and go while the server runs. */
  jwks?: PublicKeys | undefined;
  /** For HTTP Basic (`client_secret_basic`) and for the form (`client_secret_post`). */
  clientSecret?: string | undefined;
  /** Registered URL of the JWK Set; the only `jku` that an assertion may contain. The server never fetches it. */
  jku?: string | undefined;
};

/** All options; each has a default. `jwks`, `clientSecret` and `jku` belong to `clientId`. */
export type AuthServerOptions = Omit<RegisteredClient, 'clientId'> & {
  /** Default `demo-client`. */
  clientId?: string | undefined;
  /** Further clients; default none. */
  clients?: readonly RegisteredClient[];
  /** HTTP Basic at the FHIR server instead of tokens; there is no token endpoint then. */
  basic?: { username: string; password: string };
  /** Lifetime of access tokens in seconds, default 60. */
  lifetime?: number;
  /** The `expires_in` of the answer; undefined leaves it out. Default: the lifetime. */
  expiresIn?: (lifetime: number) => unknown;
  /** Changes a token answer before it is sent, such as the case of `token_type`; default: no change. */
  answer?: (members: Record<string, unknown>) => unknown;
  /** Which of the well-formed `system/` scopes the server grants; default all. An empty list means `invalid_scope`. */
  scopesAllowed?: (requested: string[]) => string[] | 'invalid_scope';
  /** When a kick-off names types beyond its scope: `refuse` it with 403 (default), or `narrow` it to the others. */
  outOfScope?: 'refuse' | 'narrow';
  /** Declared and accepted; default both. */
  algorithms?: readonly Algorithm[];
  /** Declared capabilities, and the scope syntax understood; default both. */
  permission?: readonly Permission[];
  /** Milliseconds by which the server's clock is ahead: `Date` headers and everything about time; default 0. */
  clockOffset?: number;
  /**
   * Where clients find the token endpoint: in `.well-known/smart-configuration` (`smart`, the default), only in the
   * CapabilityStatement (`capability`), or nowhere.
   */
  discovery?: 'smart' | 'capability' | 'none';
};

/** The options with their defaults. */
export type AuthSettings = Required<Omit<AuthServerOptions, 'jwks' | 'clientSecret' | 'jku' | 'basic' | 'clientId'>> &
  Pick<AuthServerOptions, 'basic'>;

/**
 * Adds the defaults.
 *
 * @throws Error for a registered key without `kid`, and for one that is not public
 */
export function authSettings(options: AuthServerOptions): AuthSettings {
  const { clientId = 'demo-client', jwks, clientSecret, jku, clients: others = [], ...rest } = options;
  const clients = [{ clientId, jwks, clientSecret, jku }, ...others];
  for (const key of clients.flatMap((client) => client.jwks?.keys ?? [])) {
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
    clients,
  };
}
