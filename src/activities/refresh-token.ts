import { log } from '@temporalio/activity';
import type { ExportRequest } from '../contract.ts';
import { ExportError, PerhapsPassingError } from '../errors.ts';
import { valuesOf } from '../fhir/parameters.ts';
import { tidy } from '../fhir/quote.ts';
import { missingTypes, uncoveredTypes } from '../fhir/scopes.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { refreshFirst, scopesFor } from '../fhir-server/ask-for-scopes.ts';
import { RefusedUrlError } from '../http/refused-url.ts';
import { NetworkError } from '../http/network-error.ts';
import { believed } from '../profiles/poll-times.ts';
import type { ActivityDeps } from './deps.ts';

export interface RefreshTokenInput {
  server: string;
  request: Pick<ExportRequest, 'level' | 'parameters' | 'attachments'>;
  /** As asked the first time, and granted: all workers ask for the same from then on. Undefined the first time. */
  scope?: string;
  /** Epoch of the token that is no longer usable; 0 the first time. */
  newerThan: number;
}

export type RefreshTokenResult =
  | {
      kind: 'token';
      epoch: number;
      /** As requested. */
      scope: string;
      /** Milliseconds until it ends and that it lives in all; undefined when it does not end by itself. */
      expiresIn?: number | undefined;
      lifetime?: number | undefined;
      /** Somebody else renews it: one that is refused may be replaced in a moment. */
      isRenewed?: true;
      /** Resource types that were asked for and not granted. */
      missing: string[];
      /** Types that the server knows no scope for, so that it was asked without them; the first time only. */
      leftOut?: string[];
      /** Types of the request that the configured scope does not cover. */
      uncovered?: string[];
    }
  /** `busy`: the FHIR server wants fewer requests; what another server's token endpoint wants says nothing of it. */
  | { kind: 'trouble'; detail: string; retryAfter?: number | undefined; busy?: true };

/**
 * Obtains a token newer than the last one for this worker, and returns its epoch; never the token.
 *
 * @throws ExportError `AuthorizationFailed`
 */
export async function refreshToken(deps: ActivityDeps, input: RefreshTokenInput): Promise<RefreshTokenResult> {
  const server = await deps.servers.get(input.server);
  try {
    const { authorization } = server;
    const types = typesOf(input.request);
    const { level, attachments } = input.request;
    const request = { level, types, attachments: attachments !== undefined };
    const choices = input.scope === undefined ? await scopesFor(server, request) : [input.scope];
    const { scope, token } = await refreshFirst(authorization, choices, input.newerThan);
    deps.metrics.token(input.server, token.kind === 'trouble' ? 'unavailable' : 'granted');
    if (token.kind === 'trouble') {
      const { busy, ...rest } = token;
      const trouble = { ...rest, retryAfter: believed(rest.retryAfter) };
      return busy === true && (await isItsOwn(server)) ? { ...trouble, busy } : trouble;
    }
    const { epoch, expiresIn, lifetime, granted, isRenewed } = token;
    log.info('token refreshed', { server: input.server, epoch, expiresIn, scope, granted: granted && tidy(granted) });
    return {
      kind: 'token',
      epoch,
      scope,
      expiresIn,
      lifetime,
      ...(isRenewed === true ? { isRenewed } : {}),
      missing: missingTypes(scope, granted),
      ...(scope === choices[0] ? {} : { leftOut: missingTypes(choices[0] as string, scope) }),
      ...(authorization.configuredScope === scope ? { uncovered: uncoveredTypes(scope, types) } : {}),
    };
  } catch (error) {
    // An endpoint that has given a token before is the right one, and the secret was.
    const mayPass = error instanceof NetworkError || (error instanceof PerhapsPassingError && input.newerThan > 0);
    deps.metrics.token(input.server, mayPass ? 'unavailable' : 'refused');
    if (error instanceof RefusedUrlError) throw new ExportError('AuthorizationFailed', error.message);
    if (mayPass) return { kind: 'trouble', detail: `token endpoint: ${error.message}` };
    throw error;
  }
}

/** Whether the token endpoint is at the FHIR server itself. */
async function isItsOwn({ authorization, config }: FhirServer): Promise<boolean> {
  const { tokenUrl } = await authorization.smart();
  return new URL(tokenUrl).origin === new URL(config.baseUrl).origin;
}

function typesOf({ parameters }: RefreshTokenInput['request']): string[] {
  const types = parameters?.['_type'];
  return types === undefined ? [] : valuesOf('_type', types).map(String);
}
