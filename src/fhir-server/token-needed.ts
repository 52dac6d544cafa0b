export type { TokenRef } from '../auth/server-authorization.ts';

/**
 * The token of the given epoch cannot be used. A result and not a failure, because a Temporal retry would come with the
 * old epoch: the workflow raises it.
 */
export interface TokenNeeded {
  kind: 'tokenNeeded';
  /** Epoch of the token that cannot be used. */
  epoch: number;
  /** The server refused it; otherwise it has expired, or this worker could not obtain one. */
  refused: boolean;
  detail: string;
  /** Maybe not by the server, but by a firewall before it: no token helps, and in a while all may be let in again. */
  byGateway?: true;
}

/** The server refused the token of this epoch with 401 or 403. */
export function tokenRefused(epoch: number, detail: string): TokenNeeded {
  return { kind: 'tokenNeeded', epoch, refused: true, detail };
}

/** This worker has no usable token of this epoch. */
export function tokenMissing(epoch: number, detail: string): TokenNeeded {
  return { kind: 'tokenNeeded', epoch, refused: false, detail };
}
