import { log } from '@temporalio/activity';
import type { ExportRequest } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { valuesOf } from '../fhir/parameters.ts';
import { chooseSyntax, deriveScopes, missingTypes } from '../fhir/scopes.ts';
import { RefusedUrlError } from '../http/http-client.ts';
import { NetworkError } from '../http/network-error.ts';
import type { ActivityDeps } from './deps.ts';
import type { KnownServer } from './servers.ts';

export interface RefreshTokenInput {
  server: string;
  request: Pick<ExportRequest, 'level' | 'parameters' | 'attachments'>;
  /** As asked the first time; undefined then. */
  scope?: string;
  /** Epoch that is not good enough any more; 0 the first time. */
  newerThan: number;
}

export type RefreshTokenResult =
  | {
      kind: 'token';
      epoch: number;
      /** As asked for. */
      scope: string;
      /** Milliseconds until it ends and that it lives in all; undefined when it does not end by itself. */
      expiresIn?: number;
      lifetime?: number;
      /** Resource types that were asked for and not granted. */
      missing: string[];
    }
  | { kind: 'trouble'; words: string; retryAfter?: number };

/**
 * Has this worker hold a token newer than the last one, and says its epoch; never the token.
 *
 * @throws ExportError `AuthorizationFailed`
 */
export async function refreshToken(deps: ActivityDeps, input: RefreshTokenInput): Promise<RefreshTokenResult> {
  const server = await deps.servers.get(input.server);
  try {
    const scope = input.scope ?? (await scopeOf(server, input.request));
    const token = await server.authorization.refresh(scope, input.newerThan);
    if ('trouble' in token) {
      const { trouble, retryAfter } = token;
      return { kind: 'trouble', words: trouble, ...(retryAfter === undefined ? {} : { retryAfter }) };
    }
    const { epoch, expiresIn, lifetime, granted } = token;
    log.info('token refreshed', { server: input.server, epoch, expiresIn, scope, granted });
    return {
      kind: 'token',
      epoch,
      scope,
      ...(expiresIn === undefined ? {} : { expiresIn }),
      ...(lifetime === undefined ? {} : { lifetime }),
      missing: missingTypes(scope, granted),
    };
  } catch (error) {
    if (error instanceof RefusedUrlError) throw new ExportError('AuthorizationFailed', error.message);
    if (error instanceof NetworkError) return { kind: 'trouble', words: `token endpoint: ${error.message}` };
    throw error;
  }
}

async function scopeOf({ authorization }: KnownServer, request: RefreshTokenInput['request']): Promise<string> {
  if (!authorization.usesTokenEndpoint) return '';
  if (authorization.configuredScope !== undefined) return authorization.configuredScope;
  const types = request.parameters?.['_type'];
  return deriveScopes(
    {
      level: request.level,
      types: types === undefined ? [] : valuesOf('_type', types).map(String),
      attachments: request.attachments !== undefined,
    },
    chooseSyntax(await authorization.smart()),
  );
}
