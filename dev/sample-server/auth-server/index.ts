import type { Authorization } from '../authorization.ts';
import { errorAnswer, jsonAnswer } from '../http/answer.ts';
import { oauthUris, smartConfiguration } from './discovery.ts';
import { authSettings, type AuthServerOptions } from './options.ts';
import { Replays } from './replays.ts';
import { basicProblem, bearerToken, permitted } from './resource-check.ts';
import { tokenAnswer } from './token-endpoint.ts';
import type { TokenRequest } from './token-request.ts';
import { TokenStore } from './tokens.ts';

/** An authorization server for SMART Backend Services; it can serve several sample servers. */
export type AuthServer = Authorization & {
  /** Milliseconds by which the server's clock is ahead; a jump ahead makes tokens expire without waiting. */
  clockOffset: number;
  /** All token requests so far, oldest first. */
  readonly requests: TokenRequest[];
  /** Every access token ever issued and every assertion ever received, for searching what must not have them. */
  readonly issued: string[];
  /** The absolute URL of the token endpoint of the server with this FHIR base URL. */
  tokenUrl(baseUrl: string): string;
  /** No access token that was issued so far is valid any more. */
  revokeAll(): void;
};

/** Makes an authorization server to be given to `startSampleServer` as `authorization`. */
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
      if (basic !== undefined) return basicProblem(request, basic);
      const found = bearerToken(request, tokens, now());
      return 'status' in found ? found : undefined;
    },
    permit(request, types, purpose) {
      if (basic !== undefined) return types;
      const found = bearerToken(request, tokens, now());
      if ('status' in found) return found;
      const all = purpose === 'read' || (purpose === 'named' && settings.outOfScope === 'refuse');
      return permitted(found, types, all);
    },
    security: (baseUrl) =>
      basic === undefined && discovery === 'capability' ? oauthUris(tokenUrl(baseUrl)) : undefined,
    serve(request, route, body, baseUrl) {
      if (basic !== undefined) return errorAnswer(404, 'not-found', 'There are no tokens here');
      if (route === 'token') {
        const found: TokenRequest = { at: Date.now(), ok: false };
        server.requests.push(found);
        const endpoint = { settings, tokens, replays, now };
        const { answer, token } = tokenAnswer(request, body, tokenUrl(baseUrl), endpoint, found);
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
