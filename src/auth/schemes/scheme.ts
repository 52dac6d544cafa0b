import type * as v from 'valibot';
import type { SmartConfiguration } from '../discovery.ts';
import type { Secret } from '../../process/secret.ts';
import type { Signer } from '../signer.ts';
import type { Proof } from '../token-request.ts';

/** An authorization scheme: its part of the configuration, and how it authorizes requests. */
export interface Scheme<Schema extends v.GenericSchema> {
  /** Value of the field `type`. */
  type: string;
  /** A strict object. A field whose name ends in `File` becomes an absolute path. */
  schema: Schema;
  /**
   * Name of its secret, which the configuration gives as `<name>File` or `<name>Env`; undefined: it needs none.
   * The schema has both fields, see `secretFields`.
   */
  secretName?: string;
  /**
   * How the requests to one server are authorized.
   *
   * @param config its `auth`
   * @param secret read anew whenever it is needed, because it may be replaced
   */
  credentials(config: v.InferOutput<Schema>, secret: Secret): Credentials;
}

/** How the requests to one server are authorized. */
export type Credentials = NoCredentials | HeaderCredentials | TokenCredentials;

/** Requests carry none. */
export interface NoCredentials {
  kind: 'none';
}

/** Every request carries the same header, which is made from the secret. */
export interface HeaderCredentials {
  kind: 'header';
  /** Somebody else renews them, in their own time: refused ones may be replaced in a moment. */
  isRenewed?: true;
  /** @throws ExportError `AuthorizationFailed` when the secret is missing or unusable; never with the secret in it */
  check(): Promise<void>;
  /**
   * Value of `Authorization`.
   *
   * @throws ExportError as {@link check}
   */
  header(): Promise<string>;
}

/** Requests carry a token that a token endpoint gives. */
export interface TokenCredentials {
  kind: 'token';
  /** Configured token endpoint; undefined: it is discovered. */
  tokenUrl: string | undefined;
  /** Configured scope, instead of one that is derived from the request. */
  scope: string | undefined;
  /** @throws ExportError `AuthorizationFailed` when the secret is missing or unusable; never with the secret in it */
  check(): Promise<void>;
  /**
   * How the client proves itself to the token endpoint.
   *
   * @param smart the endpoint, and what it accepts
   */
  proof(smart: Pick<SmartConfiguration, 'tokenUrl' | 'algorithms'>): Promise<Proof>;
  /**
   * The key that signs, for schemes that have one.
   *
   * @param algorithms that the server accepts; empty when it does not say
   * @throws ExportError `AuthorizationFailed` when it accepts none of the key's
   */
  signer?(algorithms: readonly string[]): Promise<Signer>;
}
