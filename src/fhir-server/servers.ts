import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { ServerAuthorization } from '../auth/server-authorization.ts';
import type { Config, ServerConfig } from '../config.ts';
import { ExportError } from '../errors.ts';
import type { Limits } from '../policy/limits.ts';
import { LIMITS } from '../policy/limits.ts';
import { isLoopback } from '../http/check-url.ts';
import { Busy } from './busy.ts';
import type { ConnectionRules, RequestRules } from '../http/rules.ts';
import type { HttpClient } from '../http/http-client.ts';

/** A configured FHIR server as activities use it. */
export interface KnownServer {
  config: ServerConfig;
  rules: RequestRules;
  authorization: ServerAuthorization;
  /** When it may be asked for files again. */
  busy: Busy;
}

/** The FHIR servers of one worker; tokens live here, in memory, and nowhere else. */
export class Servers {
  readonly #config: Config;
  readonly #http: HttpClient;
  readonly #hold: number;
  readonly #known = new Map<string, Promise<KnownServer>>();

  /** @param hold longest that the files of a server wait because one answer said so, in milliseconds */
  constructor(config: Config, http: HttpClient, { hold }: Pick<Limits, 'hold'> = LIMITS) {
    this.#config = config;
    this.#http = http;
    this.#hold = hold;
  }

  /** @throws ExportError `UnknownServer`; `AuthorizationFailed` when a certificate cannot be read */
  async get(name: string): Promise<KnownServer> {
    const config = Object.hasOwn(this.#config.servers, name) ? this.#config.servers[name] : undefined;
    if (config === undefined) {
      const names = Object.keys(this.#config.servers).join(', ');
      throw new ExportError('UnknownServer', `this worker knows no server "${name}"; it knows ${names}`);
    }
    const known = this.#known.get(name) ?? this.#make(config);
    this.#known.set(name, known);
    // A certificate file that was missing may be there next time.
    known.catch(() => this.#known.delete(name));
    return known;
  }

  async #make(config: ServerConfig): Promise<KnownServer> {
    const connection = await readConnection(config);
    const tokenUrl = 'tokenUrl' in config.auth && config.auth.tokenUrl !== undefined ? [config.auth.tokenUrl] : [];
    const rules: RequestRules = {
      trustedOrigins: new Set([new URL(config.baseUrl).origin, ...config.fileOrigins]),
      trustedHeaders: config.headers,
      loopback: isLoopback(new URL(config.baseUrl)),
      configuredHosts: new Set(
        [config.baseUrl, ...config.fileOrigins, ...tokenUrl].map((url) => new URL(url).hostname),
      ),
      ...(config.stallSeconds === undefined ? {} : { stall: config.stallSeconds * 1000 }),
      ...(connection === undefined ? {} : { connection }),
    };
    return {
      config,
      rules,
      authorization: new ServerAuthorization(config, this.#http, rules),
      busy: new Busy(this.#hold),
    };
  }
}

async function readConnection({ tls, proxy }: ServerConfig): Promise<ConnectionRules | undefined> {
  if (tls === undefined && proxy === undefined) return undefined;
  const [ca, cert, certKey] = await Promise.all([tls?.caFile, tls?.certFile, tls?.keyFile].map(readPem));
  const rules = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(certKey === undefined ? {} : { certKey }),
    ...(proxy === undefined ? {} : { proxy }),
  };
  return { ...rules, key: createHash('sha256').update(JSON.stringify(rules)).digest('hex') };
}

async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ExportError('AuthorizationFailed', `${file} cannot be read (${code})`, { cause: error });
  }
}
