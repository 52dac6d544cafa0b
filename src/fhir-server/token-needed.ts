import type { RequestAuthorization, TokenRef } from '../auth/server-authorization.ts';
import { ExportError } from '../errors.ts';
import { NetworkError } from '../http/network-error.ts';
import { RefusedUrlError } from '../http/refused-url.ts';
import type { KnownServer } from './servers.ts';

/**
 * The token of the given epoch cannot be used. A result and not a failure, because a Temporal retry would come with the
 * old epoch: the workflow raises it.
 */
export interface TokenNeeded {
  kind: 'tokenNeeded';
  /** Epoch of the token that cannot be used. */
  epoch: number;
  /** The server refused it; otherwise it has expired, or this worker could not have one minted. */
  refused: boolean;
  detail: string;
}

export type { TokenRef };

/** What a request may carry, and the epoch up to which tokens are of no use when it is refused. */
export type Authorized = { authorization?: string; epoch: number };

/**
 * Credentials for the next request, of this worker and of the epoch that the workflow says.
 *
 * @param token undefined for servers without authorization, and for files that need none
 */
export async function authorize(server: KnownServer, token: TokenRef | undefined): Promise<Authorized | TokenNeeded> {
  if (token === undefined || server.authorization.isOpen) return { epoch: 0 };
  const answer = await tryAuthorize(server, token);
  if (answer === 'stale') return needed(token.epoch, 'the token has expired');
  if ('trouble' in answer) return needed(token.epoch, answer.trouble);
  // A server that forgets its tokens forgets those of all workers: one that another worker has had minted before now is
  // not newer in the sense of the refusal.
  return { authorization: answer.value, epoch: Math.max(answer.epoch, Date.now()) };
}

/** The answer to a request that was refused with 401 or 403. */
export function refused(epoch: number, detail: string): TokenNeeded {
  return { kind: 'tokenNeeded', epoch, refused: true, detail };
}

function needed(epoch: number, detail: string): TokenNeeded {
  return { kind: 'tokenNeeded', epoch, refused: false, detail };
}

async function tryAuthorize(
  { authorization }: KnownServer,
  token: TokenRef,
): Promise<RequestAuthorization | { trouble: string } | 'stale'> {
  try {
    return await authorization.authorize(token);
  } catch (error) {
    if (error instanceof RefusedUrlError) throw new ExportError('AuthorizationFailed', error.message);
    if (error instanceof NetworkError) return { trouble: `token endpoint: ${error.message}` };
    throw error;
  }
}

/** What to add to a refusal when the token was not sent because the origin is not trusted. */
export function hintOfOrigin({ rules, authorization }: KnownServer, url: string): string {
  const { origin } = new URL(url);
  if (authorization.isOpen || rules.trustedOrigins.has(origin)) return '';
  return ` (no token was sent: ${origin} is not an origin of the configuration; if it is the server's own, add it to fileOrigins)`;
}

/** RFC 6750: another token of the same scope would be refused as well. */
export function isScopeFault(headers: Readonly<Record<string, string | undefined>>): boolean {
  return /\berror="?insufficient_scope\b/.test(headers['www-authenticate'] ?? '');
}
