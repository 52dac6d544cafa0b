import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ServerConfig } from './server-schema.ts';
import type { SecretSource } from '../process/secret.ts';
import { Secret } from '../process/secret.ts';
import { ExportError, UnreadableHereError } from '../errors.ts';
import { isLoopback } from '../http/check-url.ts';
import type { ProxyRules } from '../http/proxy-rules.ts';
import { basic } from '../http/proxy-rules.ts';
import type { ConnectionRules, RequestRules } from '../http/rules.ts';
import { resolveSettings } from '../profiles/resolve.ts';
import { trustedOrigins } from './who-gets-the-token.ts';

/**
 * The rules of all requests to a server, by its entry of the configuration.
 *
 * @param environment the proxy of servers whose entry names none
 * @throws UnreadableHereError when a certificate or the credentials for the proxy cannot be read
 */
export async function requestRules(config: ServerConfig, environment?: ProxyRules): Promise<RequestRules> {
  const { baseUrl, fileOrigins, stallSeconds } = config;
  return {
    trustedOrigins: trustedOrigins(config),
    trustedHeaders: { ...clientIdHeader(config), ...config.headers },
    loopback: isLoopback(new URL(baseUrl)),
    configuredHosts: new Set([baseUrl, ...fileOrigins].map((url) => new URL(url).hostname)),
    stall: stallSeconds === undefined ? undefined : stallSeconds * 1000,
    connection: await readConnection(config, environment),
  };
}

/** What the configuration names in `headers` wins. */
function clientIdHeader({ auth, headers, ...config }: ServerConfig): Record<string, string> {
  const name = resolveSettings(config).clientIdHeader;
  const isThere = Object.keys(headers).some((one) => one.toLowerCase() === name?.toLowerCase());
  return name === undefined || isThere || !('clientId' in auth) ? {} : { [name]: auth.clientId };
}

async function readConnection(
  config: ServerConfig,
  environment: ProxyRules | undefined,
): Promise<ConnectionRules | undefined> {
  const { tls } = config;
  const proxy = await readProxy(config, environment);
  if (tls === undefined && proxy === undefined) return undefined;
  const [ca, cert, certKey] = await Promise.all([tls?.caFile, tls?.certFile, tls?.keyFile].map(readPem));
  const rules = { ca, cert, certKey, proxy };
  return { ...rules, key: createHash('sha256').update(JSON.stringify(rules)).digest('hex') };
}

async function readProxy(config: ServerConfig, environment: ProxyRules | undefined): Promise<ProxyRules | undefined> {
  const { proxy: url, proxyCredentialsFile: file, proxyCredentialsEnv: env } = config;
  const proxy = url === undefined ? environment : { url, setting: "proxy of the server's entry" };
  if (proxy === undefined || (file === undefined && env === undefined)) return proxy;
  const credentials = { file, env };
  return { ...proxy, authorization: basic(await readCredentials(credentials)), credentials };
}

async function readCredentials(source: SecretSource): Promise<string> {
  try {
    return await new Secret(source).text();
  } catch (error) {
    if (!(error instanceof ExportError)) throw error;
    throw new UnreadableHereError(error.message, { cause: error.cause });
  }
}

async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UnreadableHereError(`${file} cannot be read (${code})`, { cause: error });
  }
}
