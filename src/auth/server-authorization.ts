import type { ServerConfig } from '../config.ts';
import { ExportError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { RequestRules } from '../http/rules.ts';
import { ServerClocks } from './clock.ts';
import type { SmartConfiguration } from './discovery.ts';
import { discover } from './discovery.ts';
import { readSigners } from './key-file.ts';
import { Secret } from './secret.ts';
import type { Signer } from './signer.ts';
import type { GrantedToken, Proof, TokenTrouble } from './token-request.ts';
import { assertionProof, isSendable, requestToken, secretProof } from './token-request.ts';
import { TokenStore } from './token-store.ts';

/** Milliseconds after which a server's SMART configuration is read again, also when it was away. */
const LATER = 3_600_000;
const SOON = 60_000;

/** The token that the workflow says shall be used. */
export interface TokenRef {
  epoch: number;
  /** As asked for; empty for schemes without scopes. */
  scope: string;
}

/** Value of `Authorization` for a request, and the epoch that it is of. */
export interface RequestAuthorization {
  value: string;
  epoch: number;
}

/** A new epoch. Nothing here is secret. */
export interface RefreshedToken {
  epoch: number;
  /** Milliseconds from now; undefined for credentials that do not expire by themselves. */
  expiresIn?: number;
  lifetime?: number;
  granted?: string | undefined;
}

/** How one server is authorized in this worker. */
export class ServerAuthorization {
  readonly #auth: ServerConfig['auth'];
  readonly #baseUrl: string;
  readonly #http: HttpClient;
  readonly #rules: RequestRules;
  readonly #clocks = new ServerClocks();
  readonly #tokens = new TokenStore((scope) => this.#mint(scope));
  readonly #secret: Secret;
  #smart: { configuration: SmartConfiguration; until: number } | undefined;

  constructor({ auth, baseUrl }: ServerConfig, http: HttpClient, rules: RequestRules) {
    this.#auth = auth;
    this.#baseUrl = baseUrl;
    this.#http = http;
    this.#rules = rules;
    this.#secret = new Secret(secretSource(auth));
  }

  /** Whether requests are sent without credentials. */
  get isOpen(): boolean {
    return this.#auth.type === 'none';
  }

  get clocks(): ServerClocks {
    return this.#clocks;
  }

  /** Scope of the configuration, which takes the place of a derived one. */
  get configuredScope(): string | undefined {
    return 'scope' in this.#auth ? this.#auth.scope : undefined;
  }

  /** Whether the scheme asks a token endpoint. */
  get usesTokenEndpoint(): boolean {
    return this.#auth.type === 'smart-backend' || this.#auth.type === 'client-secret';
  }

  /** Credentials of an epoch; `stale` when this worker's have expired. */
  async authorize({ epoch, scope }: TokenRef): Promise<RequestAuthorization | TokenTrouble | 'stale'> {
    if (this.#auth.type === 'basic') {
      const pair = `${this.#auth.username}:${await this.#secret.text()}`;
      return { value: `Basic ${Buffer.from(pair).toString('base64')}`, epoch };
    }
    if (this.#auth.type === 'bearer') return { value: `Bearer ${await this.#bearer(this.#auth)}`, epoch };
    const token = await this.#tokens.get(scope === '' ? undefined : scope, epoch);
    return typeof token === 'object' && 'value' in token
      ? { value: `Bearer ${token.value}`, epoch: token.epoch }
      : token;
  }

  /** Raises the epoch: credentials newer than the last one. */
  async refresh(scope: string, newerThan: number): Promise<RefreshedToken | TokenTrouble> {
    if (!this.usesTokenEndpoint) {
      await this.#secret.text();
      return { epoch: Math.max(newerThan + 1, Date.now()) };
    }
    const token = await this.#tokens.newer(scope === '' ? undefined : scope, newerThan);
    if ('trouble' in token) return token;
    return {
      epoch: token.epoch,
      expiresIn: Math.max(0, token.expiresAt - Date.now()),
      lifetime: token.lifetime,
      granted: token.scope,
    };
  }

  /** The server's SMART configuration: read now and then by each worker, and soon again when it could not be read. */
  async smart(): Promise<SmartConfiguration> {
    if (this.#smart !== undefined && this.#smart.until > Date.now()) return this.#smart.configuration;
    const tokenUrl = 'tokenUrl' in this.#auth ? this.#auth.tokenUrl : undefined;
    const configuration = await discover(this.#http, this.#rules, this.#clocks, { baseUrl: this.#baseUrl, tokenUrl });
    this.#smart = { configuration, until: Date.now() + (configuration.passing === true ? SOON : LATER) };
    return configuration;
  }

  /** The key that signs for this server: one whose algorithm it accepts. */
  async signer(algorithms: readonly string[]): Promise<Signer> {
    const signers = await readSigners(await this.#secret.text(), 'keyId' in this.#auth ? this.#auth.keyId : undefined);
    const fitting = signers.find(({ algorithm }) => algorithms.length === 0 || algorithms.includes(algorithm));
    if (fitting === undefined) {
      throw new ExportError(
        'AuthorizationFailed',
        `the key is for ${signers.map(({ algorithm }) => algorithm).join(', ')}, the server accepts ${algorithms.join(', ')}`,
      );
    }
    return fitting;
  }

  async #bearer({ tokenFile, tokenEnv }: { tokenFile?: string | undefined; tokenEnv?: string | undefined }) {
    const token = await this.#secret.text();
    if (isSendable(token)) return token;
    throw new ExportError(
      'AuthorizationFailed',
      `${tokenFile ?? tokenEnv} holds no token: there are spaces, line breaks or other letters that a header cannot carry`,
    );
  }

  async #mint(scope: string | undefined): Promise<GrantedToken | TokenTrouble> {
    const smart = await this.smart();
    const rules = withOrigin(this.#rules, smart.tokenUrl);
    return requestToken(this.#http, rules, this.#clocks, {
      tokenUrl: smart.tokenUrl,
      scope,
      proof: await this.#proof(smart),
      supported: smart.scopesSupported,
    });
  }

  async #proof({ tokenUrl, algorithms }: SmartConfiguration): Promise<Proof> {
    const auth = this.#auth;
    if (auth.type === 'client-secret') return secretProof(auth.clientId, () => this.#secret.text(), auth.secretIn);
    if (auth.type !== 'smart-backend') throw new TypeError(`${auth.type} has no token endpoint`);
    return assertionProof(
      { clientId: auth.clientId, tokenUrl, jku: auth.jku },
      await this.signer(algorithms),
      this.#clocks,
    );
  }
}

/** The client certificate is for the token endpoint too; headers of the FHIR server are not. */
function withOrigin(rules: RequestRules, tokenUrl: string): RequestRules {
  return {
    trustedOrigins: new Set([...rules.trustedOrigins, new URL(tokenUrl).origin]),
    trustedHeaders: {},
    ...(rules.loopback === undefined ? {} : { loopback: rules.loopback }),
    ...(rules.configuredHosts === undefined ? {} : { configuredHosts: rules.configuredHosts }),
    ...(rules.stall === undefined ? {} : { stall: rules.stall }),
    ...(rules.connection === undefined ? {} : { connection: rules.connection }),
  };
}

/** Where a scheme's secret is. */
export function secretSource(auth: ServerConfig['auth']): { file?: string | undefined; env?: string | undefined } {
  switch (auth.type) {
    case 'smart-backend':
      return { file: auth.privateKeyFile, env: auth.privateKeyEnv };
    case 'client-secret':
      return { file: auth.clientSecretFile, env: auth.clientSecretEnv };
    case 'basic':
      return { file: auth.passwordFile, env: auth.passwordEnv };
    case 'bearer':
      return { file: auth.tokenFile, env: auth.tokenEnv };
    case 'none':
      return {};
  }
}
