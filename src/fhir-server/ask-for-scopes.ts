import { log } from '@temporalio/activity';
import type { ServerAuthorization } from '../auth/server-authorization.ts';
import { InvalidScopeError } from '../auth/token-request.ts';
import { scopeChoices } from '../fhir/scopes.ts';
import type { FhirServer } from './fhir-server.ts';
import { scopeSyntax } from './scope-syntax.ts';

/**
 * The scopes to ask a server for, one after the other while it knows none of them.
 *
 * @throws as `ServerAuthorization.smart`
 */
export async function scopesFor(
  { authorization, settings }: FhirServer,
  request: Parameters<typeof scopeChoices>[0],
): Promise<string[]> {
  if (!authorization.usesTokenEndpoint) return [''];
  if (authorization.configuredScope !== undefined) return [authorization.configuredScope];
  return scopeChoices(request, await scopeSyntax(settings, authorization), settings);
}

/**
 * A token for the first of the scopes that the server does not refuse as such; one request for each.
 *
 * @throws as `ServerAuthorization.refresh`
 */
export async function refreshFirst(
  authorization: ServerAuthorization,
  [scope = '', ...others]: readonly string[],
  newerThan: number,
): Promise<{ scope: string; token: Awaited<ReturnType<ServerAuthorization['refresh']>> }> {
  try {
    return { scope, token: await authorization.refresh(scope, newerThan) };
  } catch (error) {
    if (!(error instanceof InvalidScopeError) || others.length === 0) throw error;
    log.info('scope refused', { scope, next: others[0], detail: error.message });
    return refreshFirst(authorization, others, newerThan);
  }
}
