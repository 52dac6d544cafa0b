import type { Authorization } from '../authorization.ts';
import { errorAnswer, granted, jsonAnswer } from '../http/answer.ts';
import { basicRefusal, permittedTypes, requestToken, TokenStore } from './access-tokens.ts';
import { Replays } from './client-authentication.ts';
import { authSettings, type AuthServerOptions, type AuthSettings } from './options.ts';
import { answerTokenRequest } from './token-endpoint.ts';
import type { TokenRequest } from './token-request.ts';

/** An authorization server for SMART Backend Services; it can serve several sample servers. */
export type AuthServer = Authorization & {
  /** Milliseconds by which the server's clock is ahead; a jump ahead makes tokens expire without waiting. */
  clockOffset: number;
  /** All token requests so far, oldest first. */
  readonly requests: TokenRequest[];
  /** Every access token ever issued and every assertion ever received: the secrets that must not appear elsewhere. */
  readonly issued: string[];
  /** The absolute URL of the token endpoint of the server with this FHIR base URL. */
  tokenUrl(baseUrl: string): string;
  /** Invalidates all access tokens issued so far. */
  revokeAll(): void;
};

/**
 * Makes an authorization server, which `startSampleServer` takes as `authorization`.
 *
 * @throws Error for a registered key without `kid`, and for one that is not public
 */
export function createAuthServer(options: AuthServerOptions = {}): AuthServer {
  const settings = authSettings(options);
  const { basic, discovery } = settings;
  const tokens = new TokenStore();
  const replays = new Replays();
  const now = () => Date.now() + server.clockOffset;
  const tokenUrl = (baseUrl: string) => new URL('/auth/token', baseUrl).href;

  const server: AuthServer = {
    clockOffset: settings.clockOffset,
    requests: [],
    issued: [],
    tokenUrl,
    revokeAll: () => tokens.revokeAll(),
    received(route, body, redirected) {
      const assertion = new URLSearchParams(route === 'token' ? body : '').get('client_assertion');
      if (assertion === null) return;
      if (!server.issued.includes(assertion)) server.issued.push(assertion);
      // A redirect makes clients send the same again.
      if (!redirected) replays.received(assertion);
    },
    authorize(request) {
      if (basic !== undefined) return basicRefusal(request, basic);
      const token = requestToken(request, tokens, now());
      return token.kind === 'refused' ? token.answer : undefined;
    },
    permit(request, types, purpose) {
      if (basic !== undefined) return granted(types);
      const token = requestToken(request, tokens, now());
      if (token.kind === 'refused') return token;
      const all = purpose === 'read' || (purpose === 'named' && settings.outOfScope === 'refuse');
      return permittedTypes(token.value, types, all);
    },
    security: (baseUrl) =>
      basic === undefined && discovery === 'capability' ? oauthUris(tokenUrl(baseUrl)) : undefined,
    serve(request, route, body, baseUrl) {
      if (basic !== undefined) return errorAnswer(404, 'not-found', 'There are no tokens here');
      if (route === 'token') {
        const record: TokenRequest = { at: Date.now(), ok: false };
        server.requests.push(record);
        const endpoint = { url: tokenUrl(baseUrl), settings, tokens, replays, now };
        const { answer, token } = answerTokenRequest(request, body, endpoint, record);
        if (token !== undefined) server.issued.push(token);
        return answer;
      }
      if (discovery !== 'smart') return errorAnswer(404, 'not-found', 'There is no SMART configuration');
      if (!['GET', 'HEAD'].includes(request.method ?? '')) {
        return errorAnswer(405, 'not-supported', 'Not this method', { allow: 'GET, HEAD' });
      }
      return jsonAnswer(200, smartConfiguration(tokenUrl(baseUrl), settings));
    },
  };
  return server;
}

/** The document at `.well-known/smart-configuration` (SMART App Launch 2.2, conformance). */
function smartConfiguration(tokenUrl: string, settings: AuthSettings): Record<string, unknown> {
  const { clients, algorithms, permission } = settings;
  const keys = clients.some(({ jwks }) => jwks !== undefined);
  const secrets = clients.some(({ clientSecret }) => clientSecret !== undefined);
  return {
    token_endpoint: tokenUrl,
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: [
      ...(keys ? ['private_key_jwt'] : []),
      ...(secrets ? ['client_secret_basic', 'client_secret_post'] : []),
    ],
    token_endpoint_auth_signing_alg_values_supported: keys ? algorithms : undefined,
    scopes_supported: permission.map((one) => (one === 'permission-v1' ? 'system/*.read' : 'system/*.rs')),
    capabilities: [
      ...(keys ? ['client-confidential-asymmetric'] : []),
      ...(secrets ? ['client-confidential-symmetric'] : []),
      ...permission,
    ],
  };
}

/** `CapabilityStatement.rest.security` in the form of SMART 1. */
function oauthUris(tokenUrl: string): Record<string, unknown> {
  const system = 'http://terminology.hl7.org/CodeSystem/restful-security-service';
  return {
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: tokenUrl }],
      },
    ],
    service: [{ coding: [{ system, code: 'SMART-on-FHIR' }] }],
  };
}
