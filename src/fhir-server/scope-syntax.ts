import type { ServerAuthorization } from '../auth/server-authorization.ts';
import type { ScopeSyntax } from '../fhir/scopes.ts';
import { chooseSyntax } from '../fhir/scopes.ts';
import type { ServerSettings } from '../profiles/settings.ts';

/**
 * The syntax of the scopes that a server is asked for.
 *
 * @throws as `ServerAuthorization.smart`
 */
export async function scopeSyntax(
  { scopeSyntax: known }: Pick<ServerSettings, 'scopeSyntax'>,
  authorization: ServerAuthorization,
): Promise<ScopeSyntax> {
  return known === 'auto' ? chooseSyntax(await authorization.smart()) : known;
}
