import type { JsonObject } from './assertion.ts';
import { clientCheck } from './token-error.ts';

/** Farthest `exp`, seconds ahead (SMART Backend Services). */
const farthest = 300;

/** Checks the claims of an assertion; `now` is the server's time in milliseconds since 1970. Throws a `TokenError`. */
export function checkClaims(claims: JsonObject, clientId: string, audience: string, now: number): void {
  const { iss, sub, aud, exp, nbf, jti } = claims;
  clientCheck(iss === clientId && sub === clientId, 'iss and sub must be the client_id');
  // As text: a URL that only means the same is another one (trailing slash, host name in other words).
  clientCheck(aud === audience, `aud must be ${audience}`);
  clientCheck(typeof exp === 'number' && Number.isInteger(exp), 'exp must be a whole number of seconds');
  clientCheck(exp * 1000 > now, 'The assertion has expired');
  clientCheck(exp * 1000 <= now + farthest * 1000, `exp is more than ${farthest} seconds ahead`);
  clientCheck(nbf === undefined || (typeof nbf === 'number' && nbf * 1000 <= now), 'The assertion is not valid yet');
  clientCheck(typeof jti === 'string' && jti !== '', 'jti is missing');
}
