import type { ProxyRules } from './proxy-rules.ts';

/** What a server's entry of the configuration asks for beyond the request itself. */
export interface RequestRules {
  /** Name of the server, by which answers are counted. Default: they are not. */
  server?: string | undefined;
  /** Headers for origins that the configuration trusts, and never for others. */
  trustedHeaders: Record<string, string>;
  /** Origins of `baseUrl` and `fileOrigins`. */
  trustedOrigins: ReadonlySet<string>;
  /** Requests may go to addresses of this machine: the FHIR server is one. Default: false. */
  loopback?: boolean | undefined;
  /** Hosts that the configuration names. They may lead to this machine, too: that is the operator's choice. */
  configuredHosts?: ReadonlySet<string> | undefined;
  /** Redirects from other origins to this one are not followed. */
  closedOrigin?: string | undefined;
  /** Milliseconds without headers, or with next to nothing of the body, instead of the process's own. */
  stall?: number | undefined;
  /** How this server is reached; default: directly, with the certificate authorities of Node. */
  connection?: ConnectionRules | undefined;
}

/** TLS and proxy of one server. */
export interface ConnectionRules {
  /** The same for equal rules: connections are shared under it. */
  key: string;
  /** PEM; certificate authorities instead of Node's own. */
  ca?: string | undefined;
  /** PEM; presented to trusted origins and the token endpoint only. */
  cert?: string | undefined;
  certKey?: string | undefined;
  /** That of the server's entry, else that of the environment. */
  proxy?: ProxyRules | undefined;
}
