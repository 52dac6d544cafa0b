/** A token request and what was found in it. Requests whose answer a fault replaced are not among them. */
export type TokenRequest = {
  /** Milliseconds since 1970 by the true clock, as in the journal. */
  at: number;
  ok: boolean;
  /** Error code of RFC 6749. */
  error?: string;
  /** Why it was refused, in words. */
  description?: string;
  /** How the client tried to show who it is. */
  method?: 'private_key_jwt' | 'client_secret_basic' | 'client_secret_post';
  clientId?: string;
  /** Key, algorithm and nonce of the assertion, as claimed. */
  kid?: string;
  alg?: string;
  jti?: string;
  /** As asked for. */
  scope?: string;
  /** As granted. */
  granted?: string;
};
