import { ExportError } from '../errors.ts';
import { resolveUrl } from '../fhir/resolve-url.ts';
import type { ScopeSupport } from '../fhir/scopes.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { RequestRules } from '../http/rules.ts';
import { readText } from '../http/read-text.ts';
import { NetworkError } from '../http/network-error.ts';
import type { ServerClocks } from './clock.ts';

/** What a server says about its authorization. */
export interface SmartConfiguration extends ScopeSupport {
  tokenUrl: string;
  /** Algorithms that it accepts; empty when it does not say. */
  algorithms: string[];
  /** Where the token endpoint was found. */
  source: 'configured' | 'smart-configuration' | 'CapabilityStatement';
  /** The rest is not known, because the server was away. */
  passing?: boolean;
}

const LARGEST = 20 * 1024 * 1024;
/** Milliseconds that a server may take to describe itself. */
const TIME = 20_000;
const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';

/**
 * Finds the token endpoint: given, else `.well-known/smart-configuration` below the full base URL, else the
 * CapabilityStatement. Source: SMART App Launch 2.2, conformance.
 *
 * @throws ExportError `AuthorizationFailed` when there is none
 * @throws NetworkError when the server cannot be reached
 */
export async function discover(
  http: HttpClient,
  rules: RequestRules,
  clocks: ServerClocks,
  { baseUrl, tokenUrl }: { baseUrl: string; tokenUrl?: string | undefined },
): Promise<SmartConfiguration> {
  const base = baseUrl.replace(/\/+$/, '');
  const asked = readJson(http, rules, clocks, `${base}/.well-known/smart-configuration`);
  // With a token endpoint given, the document only helps.
  const first = await (tokenUrl === undefined ? asked : asked.catch((): Reading => ({ away: 'no answer' })));
  const smart = first.document;
  const found = resolve(smart?.['token_endpoint'], base);
  const support = {
    capabilities: texts(smart?.['capabilities']),
    scopesSupported: texts(smart?.['scopes_supported']),
    algorithms: texts(smart?.['token_endpoint_auth_signing_alg_values_supported']),
  };
  if (tokenUrl !== undefined) {
    return { ...support, tokenUrl, source: 'configured', ...(first.away === undefined ? {} : { passing: true }) };
  }
  if (found !== undefined) return { ...support, tokenUrl: found, source: 'smart-configuration' };
  const second = await readJson(http, rules, clocks, `${base}/metadata`);
  const declared = resolve(tokenOf(second.document), base);
  if (declared !== undefined) return { ...support, tokenUrl: declared, source: 'CapabilityStatement' };
  // A server that is away has not said that there is none.
  const away = first.away ?? second.away;
  if (away !== undefined) throw new NetworkError(`${new URL(base).host}: ${away}`, true);
  throw new ExportError(
    'AuthorizationFailed',
    'the server tells no token endpoint, neither in .well-known/smart-configuration nor in its CapabilityStatement; set auth.tokenUrl',
  );
}

/** What was read; `away`: why it could not be read now. */
interface Reading {
  document?: Record<string, unknown> | undefined;
  away?: string;
}

async function readJson(http: HttpClient, rules: RequestRules, clocks: ServerClocks, url: string): Promise<Reading> {
  const accept = url.endsWith('/metadata') ? 'application/fhir+json' : 'application/json';
  const response = await http.send(
    { method: 'GET', url, headers: { accept }, signal: AbortSignal.timeout(TIME) },
    rules,
  );
  const { status, headers } = response;
  // The Date of an answer from a cache is that of long ago.
  if (headers['age'] === undefined) clocks.note(new URL(url).origin, headers['date']);
  const text = await readText(response, LARGEST);
  if (status === 200) return { document: parse(text) };
  // Not 500: some servers answer so for what they do not have.
  return [408, 429, 502, 503, 504].includes(status) ? { away: `HTTP ${status}` } : {};
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** A relative URL is resolved against the FHIR base (SMART App Launch 2.1). */
function resolve(url: unknown, base: string): string | undefined {
  return typeof url === 'string' ? resolveUrl(url, `${base}/`) : undefined;
}

function tokenOf(statement: Record<string, unknown> | undefined): unknown {
  interface Extension {
    url?: string;
    valueUri?: string;
    extension?: Extension[];
  }
  const rests = (Array.isArray(statement?.['rest']) ? statement['rest'] : []) as {
    security?: { extension?: Extension[] };
  }[];
  return rests
    .flatMap((rest) => rest.security?.extension ?? [])
    .filter(({ url }) => url === OAUTH_URIS)
    .flatMap(({ extension }) => extension ?? [])
    .find(({ url }) => url === 'token')?.valueUri;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
