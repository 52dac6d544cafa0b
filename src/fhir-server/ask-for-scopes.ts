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
  const syntax = await scopeSyntax(settings, authorization);
  const choices = scopeChoices(request, syntax, settings);
  if (settings.scopeSyntax !== 'auto') return choices;
  const { passing, capabilities, scopesSupported } = await authorization.smart();
  const isGuess = passing === true && capabilities.length === 0 && scopesSupported.length === 0;
  // The server could not say which it knows.
  return isGuess ? [...choices, ...scopeChoices(request, syntax === 'v1' ? 'v2' : 'v1', settings)] : choices;
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
