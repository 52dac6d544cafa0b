import { PerhapsPassingError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { NetworkError } from '../http/network-error.ts';
import type { RequestRules } from '../http/rules.ts';
import { ServerClocks } from './clock.ts';
import type { SmartConfiguration } from './discovery.ts';
import { discover } from './discovery.ts';
import type { AuthConfig } from './schemes/index.ts';
import { credentialsOf } from './schemes/index.ts';
import type { Credentials, TokenCredentials } from './schemes/scheme.ts';
import type { Signer } from './signer.ts';
import type { GrantedToken, TokenTrouble } from './token-request.ts';
import { requestToken } from './token-request.ts';
import type { StaleToken } from './token-store.ts';
import { TokenStore } from './token-store.ts';

/** Milliseconds after which a server's SMART configuration is read again, and after which when it was unreachable. */
const LATER = 3_600_000;
const SOON = 60_000;

/** The token that the workflow wants to be used. */
export interface TokenRef {
  epoch: number;
  /** As requested from the token endpoint; empty for schemes without scopes. */
  scope: string;
}

/** What a request is sent with. */
export type RequestAuthorization =
  /** Nothing: the server has no authorization. */
  | { kind: 'open' }
  | {
      kind: 'authorized';
      /** Value of the header `Authorization`. */
      value: string;
      /** Epoch of the token. */
      epoch: number;
    };

/** A new epoch. Nothing here is secret. */
export interface RefreshedToken {
  kind: 'refreshed';
  epoch: number;
  /** Milliseconds until it expires and from its minting to then; undefined for credentials that do not expire. */
  expiresIn?: number | undefined;
  lifetime?: number | undefined;
  /** Scope; undefined when the server did not say. */
  granted?: string | undefined;
  /** Somebody else renews them, perhaps a little late. */
  isRenewed?: true;
}

/** How one server is authorized in this worker. */
export class ServerAuthorization {
  /** Clocks of the FHIR server and of its token endpoint. */
  readonly clocks = new ServerClocks();
  readonly #credentials: Credentials;
  readonly #baseUrl: string;
  readonly #http: HttpClient;
  readonly #rules: RequestRules;
  readonly #tokens = new TokenStore((scope) => this.#mint(scope));
  #smart: { configuration: SmartConfiguration; until: number } | undefined;
  /** Under way. */
  #reading: Promise<SmartConfiguration> | undefined;

  /** @param rules of the FHIR server */
  constructor({ auth, baseUrl }: { auth: AuthConfig; baseUrl: string }, http: HttpClient, rules: RequestRules) {
    this.#credentials = credentialsOf(auth);
    this.#baseUrl = baseUrl;
    this.#http = http;
    this.#rules = rules;
  }

  /** Whether requests are sent without credentials. */
  get isOpen(): boolean {
    return this.#credentials.kind === 'none';
  }

  /** Scope of the configuration, which takes the place of a derived one. */
  get configuredScope(): string | undefined {
    return this.#credentials.kind === 'token' ? this.#credentials.scope : undefined;
  }

  /** Whether tokens come from a token endpoint. */
  get usesTokenEndpoint(): boolean {
    return this.#credentials.kind === 'token';
  }

  /** Finds the key that signs for a server, by the algorithms that it accepts; undefined: the scheme has no key. */
  get signer(): ((algorithms: readonly string[]) => Promise<Signer>) | undefined {
    return this.#credentials.kind === 'token' ? this.#credentials.signer : undefined;
  }

  /**
   * Credentials of an epoch.
   *
   * @throws ExportError `AuthorizationFailed` when a secret is missing or unusable, or the server refuses for good
   * @throws NetworkError when there is no answer
   */
  async authorize({ epoch, scope }: TokenRef): Promise<RequestAuthorization | TokenTrouble | StaleToken> {
    switch (this.#credentials.kind) {
      case 'none':
        return { kind: 'open' };
      case 'header':
        return { kind: 'authorized', value: await this.#credentials.header(), epoch };
      case 'token': {
        const token = await this.#tokens.get(scope === '' ? undefined : scope, epoch);
        if (token.kind !== 'token') return token;
        return { kind: 'authorized', value: `Bearer ${token.value}`, epoch: token.epoch };
      }
    }
  }

  /**
   * Raises the epoch: credentials newer than the last one.
   *
   * @throws as {@link authorize}
   */
  async refresh(scope: string, newerThan: number): Promise<RefreshedToken | TokenTrouble> {
    if (this.#credentials.kind !== 'token') {
      const epoch = Math.max(newerThan + 1, Date.now());
      if (this.#credentials.kind === 'none') return { kind: 'refreshed', epoch };
      await this.#credentials.check();
      return { kind: 'refreshed', epoch, ...(this.#credentials.isRenewed === true ? { isRenewed: true } : {}) };
    }
    const token = await this.#tokens.newer(scope === '' ? undefined : scope, newerThan);
    if (token.kind === 'trouble') return token;
    return {
      kind: 'refreshed',
      epoch: token.epoch,
      expiresIn: Math.max(0, token.expiresAt - Date.now()),
      lifetime: token.lifetime,
      granted: token.scope,
    };
  }

  /**
   * The server's SMART configuration: read once an hour by each worker, and after a minute when it was unreachable, however
   * many want it then. What it said before holds for as long as it says nothing.
   *
   * @throws as `discover`, before the first time
   */
  async smart(): Promise<SmartConfiguration> {
    if (this.#smart !== undefined && this.#smart.until > Date.now()) return this.#smart.configuration;
    this.#reading ??= this.#readSmart().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readSmart(): Promise<SmartConfiguration> {
    const tokenUrl = this.#credentials.kind === 'token' ? this.#credentials.tokenUrl : undefined;
    const earlier = this.#smart?.configuration;
    const reading = discover(this.#http, this.#rules, this.clocks, { baseUrl: this.#baseUrl, tokenUrl });
    const configuration = await reading.catch((error: unknown): SmartConfiguration => {
      const mayPass = error instanceof NetworkError || error instanceof PerhapsPassingError;
      if (earlier === undefined || !mayPass) throw error;
      return { ...earlier, passing: true };
    });
    this.#smart = { configuration, until: Date.now() + (configuration.passing === true ? SOON : LATER) };
    return configuration;
  }

  async #mint(scope: string | undefined): Promise<GrantedToken | TokenTrouble> {
    const credentials = this.#credentials as TokenCredentials;
    const smart = await this.smart();
    const rules = rulesOfTokenEndpoint(this.#rules, smart.tokenUrl, credentials.tokenUrl !== undefined);
    return requestToken(this.#http, rules, this.clocks, {
      tokenUrl: smart.tokenUrl,
      scope,
      proof: await credentials.proof(smart),
      supported: smart.scopesSupported,
    });
  }
}

/**
 * The client certificate is for the token endpoint too; headers of the FHIR server are not.
 *
 * @param configured the operator named the endpoint, so that it may lead to this machine
 */
function rulesOfTokenEndpoint(rules: RequestRules, tokenUrl: string, configured: boolean): RequestRules {
  const { origin, hostname } = new URL(tokenUrl);
  return {
    ...rules,
    trustedOrigins: new Set([...rules.trustedOrigins, origin]),
    trustedHeaders: {},
    configuredHosts: new Set([...(rules.configuredHosts ?? []), ...(configured ? [hostname] : [])]),
  };
}
