import type { Config, ServerConfig } from '../config.ts';
import { ExportError } from '../errors.ts';
import type { Limits } from '../fhir/limits.ts';
import type { HttpClient, RequestRules } from '../http/http-client.ts';

/** What activities are made of; the composition root gives it. */
export interface ActivityDeps {
  config: Config;
  http: HttpClient;
  limits: Limits;
  /** Names of the search attributes that the namespace has; empty when that cannot be learned. */
  registeredSearchAttributes(): Promise<ReadonlySet<string>>;
  /** Whether an export is still running: the chain of runs that began with this one. */
  isRunning(owner: Owner): Promise<boolean>;
}

/** The chain of runs to which an export's folder belongs. */
export interface Owner {
  workflowId: string;
  firstRunId: string;
}

/** @throws ExportError `UnknownServer` */
export function serverConfig(config: Config, name: string): ServerConfig {
  const server = Object.hasOwn(config.servers, name) ? config.servers[name] : undefined;
  if (server === undefined) {
    throw new ExportError(
      'UnknownServer',
      `this worker knows no server "${name}"; it knows ${Object.keys(config.servers).join(', ')}`,
    );
  }
  return server;
}

/** Origins and headers of a server's entry. */
export function requestRules(server: ServerConfig): RequestRules {
  return {
    trustedOrigins: new Set([new URL(server.baseUrl).origin, ...server.fileOrigins]),
    trustedHeaders: server.headers,
  };
}
