import { PerhapsPassingError } from '../errors.ts';
import { resolveUrl } from '../fhir/resolve-url.ts';
import type { ScopeSupport } from '../fhir/scopes.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { RequestRules } from '../http/rules.ts';
import type { DocumentAnswer } from '../http/server-descriptions.ts';
import { readMetadata, readSmartConfiguration } from '../http/server-descriptions.ts';
import { NetworkError } from '../http/network-error.ts';
import type { ServerClocks } from './clock.ts';

/** What a server says about its authorization. */
export interface SmartConfiguration extends ScopeSupport {
  tokenUrl: string;
  /** Algorithms that it accepts; empty when it does not say. */
  algorithms: string[];
  /** Where the token endpoint was found. */
  source: 'configured' | 'smart-configuration' | 'CapabilityStatement';
  /** The rest is unknown, or what the server said before, because it did not answer. */
  passing?: boolean;
}

/** Stands for an answer that did not come. */
const NO_ANSWER: DocumentAnswer = { kind: 'unavailable', detail: 'no answer', clock: undefined };
const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';

/**
 * Finds the token endpoint: given, else in the SMART configuration, else in the CapabilityStatement.
 * Source: SMART App Launch 2.2, conformance.
 *
 * @throws PerhapsPassingError when the server names none
 * @throws NetworkError when the server is unreachable
 */
export async function discover(
  http: HttpClient,
  rules: RequestRules,
  clocks: ServerClocks,
  { baseUrl, tokenUrl }: { baseUrl: string; tokenUrl?: string | undefined },
): Promise<SmartConfiguration> {
  const note = (answer: DocumentAnswer): DocumentAnswer => {
    clocks.note(new URL(baseUrl).origin, answer.clock?.date, answer.clock?.at);
    return answer;
  };
  const reading = readSmartConfiguration(http, rules, baseUrl).then(note);
  let fault: { error: unknown } | undefined;
  // It may only help: where the token endpoint is given, or the CapabilityStatement names it.
  const first = await reading.catch((error: unknown) => {
    fault = { error };
    return NO_ANSWER;
  });
  const smart = first.kind === 'document' ? first.document : {};
  const support = {
    capabilities: texts(smart['capabilities']),
    scopesSupported: texts(smart['scopes_supported']),
    algorithms: texts(smart['token_endpoint_auth_signing_alg_values_supported']),
  };
  const passing = first.kind === 'unavailable' ? { passing: true } : {};
  if (tokenUrl !== undefined) return { ...support, tokenUrl, source: 'configured', ...passing };
  const found = resolve(smart['token_endpoint'], baseUrl);
  if (found !== undefined) return { ...support, tokenUrl: found, source: 'smart-configuration' };
  const second = note(await readMetadata(http, rules, baseUrl));
  const declared = second.kind === 'document' ? resolve(tokenOf(second.document), baseUrl) : undefined;
  if (declared !== undefined) return { ...support, tokenUrl: declared, source: 'CapabilityStatement', ...passing };
  if (fault !== undefined) throw fault.error;
  // A server that cannot answer now has not said that it has none.
  for (const answer of [first, second]) {
    if (answer.kind === 'unavailable') throw new NetworkError(`${new URL(baseUrl).host}: ${answer.detail}`, true);
  }
  throw new PerhapsPassingError(
    'the server names no token endpoint, neither in .well-known/smart-configuration nor in its CapabilityStatement; set auth.tokenUrl',
  );
}

/** A relative URL is resolved against the FHIR base (SMART App Launch 2.1). */
function resolve(url: unknown, baseUrl: string): string | undefined {
  return typeof url === 'string' ? resolveUrl(url, `${baseUrl}/`) : undefined;
}

function tokenOf(statement: Record<string, unknown>): unknown {
  interface Extension {
    url?: string;
    valueUri?: string;
    extension?: Extension[];
  }
  const rests = (Array.isArray(statement['rest']) ? statement['rest'] : []) as {
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
