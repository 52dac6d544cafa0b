import type { ServerAuthorization, TokenRef } from '../auth/server-authorization.ts';
import { ExportError, PerhapsPassingError } from '../errors.ts';
import { NetworkError } from '../http/network-error.ts';
import { RefusedUrlError } from '../http/refused-url.ts';
import type { TokenNeeded } from './token-needed.ts';
import { tokenMissing } from './token-needed.ts';

/** What a request may carry. */
export type Authorized =
  /** Nothing: the server has no authorization, or the file needs none. */
  | { kind: 'open' }
  | {
      kind: 'token';
      /** Value of the header `Authorization`. */
      authorization: string;
      /** When the request is refused, tokens up to this epoch are of no use. */
      epoch: number;
    };

/**
 * Credentials for the next request, of this worker and of the epoch that the workflow says.
 *
 * @param token undefined for servers without authorization, and for files that need none
 * @throws ExportError `AuthorizationFailed`
 */
export async function authorize(
  authorization: ServerAuthorization,
  token: TokenRef | undefined,
): Promise<Authorized | TokenNeeded> {
  if (token === undefined) return { kind: 'open' };
  try {
    const answer = await authorization.authorize(token);
    if (answer.kind === 'open') return answer;
    if (answer.kind === 'stale') return tokenMissing(token.epoch, 'the token has expired');
    if (answer.kind === 'trouble') return tokenMissing(token.epoch, answer.detail);
    // A server that forgets its tokens forgets those of all workers: one that another worker obtained before now is not
    // newer in the sense of the refusal.
    return { kind: 'token', authorization: answer.value, epoch: Math.max(answer.epoch, Date.now()) };
  } catch (error) {
    if (error instanceof RefusedUrlError) throw new ExportError('AuthorizationFailed', error.message);
    if (error instanceof NetworkError) return tokenMissing(token.epoch, `token endpoint: ${error.message}`);
    // There has been a token before: this epoch's.
    if (error instanceof PerhapsPassingError) return tokenMissing(token.epoch, error.message);
    throw error;
  }
}
