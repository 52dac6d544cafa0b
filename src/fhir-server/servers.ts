import type { Config } from '../config.ts';
import { ExportError } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { ProxyRules } from '../http/proxy-rules.ts';
import { environmentProxy } from '../http/proxy-rules.ts';
import type { Limits } from '../policy/limits.ts';
import { LIMITS } from '../policy/limits.ts';
import { Busy } from './busy.ts';
import { FhirServer } from './fhir-server.ts';
import { requestRules } from './request-rules.ts';
import type { ServerConfig } from './server-schema.ts';

/** Milliseconds after which the files of certificates are read again. */
const AGAIN = 60_000;

/** The FHIR servers of one worker; tokens live here, in memory, and nowhere else. */
export class Servers {
  readonly #config: Config;
  readonly #http: HttpClient;
  readonly #hold: number;
  readonly #proxy: ProxyRules | undefined;
  readonly #known = new Map<string, { server: Promise<FhirServer>; readAt: number }>();

  /**
   * @param limits.hold longest that the files of a server wait because one answer said so, in milliseconds
   * @throws Error when `HTTPS_PROXY` is no URL
   */
  constructor(config: Config, http: HttpClient, { hold }: Pick<Limits, 'hold'> = LIMITS) {
    this.#config = config;
    this.#http = http;
    this.#hold = hold;
    this.#proxy = environmentProxy(process.env);
  }

  /** @throws ExportError `UnknownServer` */
  configOf(name: string): ServerConfig {
    const config = Object.hasOwn(this.#config.servers, name) ? this.#config.servers[name] : undefined;
    if (config !== undefined) return config;
    const names = Object.keys(this.#config.servers).join(', ');
    throw new ExportError('UnknownServer', `this worker knows no server "${name}"; it knows ${names}`);
  }

  /**
   * @throws ExportError `UnknownServer`; `UnreadableHereError` when a certificate or the proxy's credentials cannot be
   *   read
   */
  async get(name: string): Promise<FhirServer> {
    const config = this.configOf(name);
    const known = this.#known.get(name);
    if (known !== undefined && (config.tls === undefined || Date.now() < known.readAt + AGAIN)) return known.server;
    const server = this.#make(name, config, known?.server);
    this.#known.set(name, { server, readAt: Date.now() });
    // A certificate file that was missing may be there next time.
    server.catch(() => {
      // Another reading may have taken its place.
      if (this.#known.get(name)?.server === server) this.#known.delete(name);
    });
    return server;
  }

  /** @param earlier with the certificates as they were, which serve for as long as newer ones cannot be read */
  async #make(name: string, config: ServerConfig, earlier?: Promise<FhirServer>): Promise<FhirServer> {
    const before = await earlier?.catch(() => undefined);
    const rules = await requestRules(config, this.#proxy).catch((error: unknown) => {
      if (before === undefined) throw error;
      return before.rules;
    });
    if (before !== undefined && rules.connection?.key === before.rules.connection?.key) return before;
    return new FhirServer(name, config, rules, this.#http, before?.busy ?? new Busy(this.#hold));
  }
}
