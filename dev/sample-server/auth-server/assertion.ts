import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import type { Algorithm, RegisteredClient } from './options.ts';
import { clientCheck } from './token-request.ts';

/** Header or claims of a JWT, whose members are not checked yet. */
type JsonObject = Record<string, unknown>;

/** A JWT whose signature is not verified yet. */
export type Jwt = { header: JsonObject; claims: JsonObject; signed: string; signature: Buffer };

/** Farthest `exp`, seconds ahead (SMART Backend Services). */
const farthest = 300;

/**
 * Takes a JWT apart (RFC 7515, compact serialization).
 *
 * @throws TokenError for text that is not a JWT
 */
export function parseJwt(text: string): Jwt {
  const parts = text.split('.');
  const wellFormed = parts.length === 3 && parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part));
  clientCheck(wellFormed, 'The assertion is not a JWT');
  const [header = '', claims = '', signature = ''] = parts;
  return {
    header: parsePart(header),
    claims: parsePart(claims),
    signed: `${header}.${claims}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/**
 * Checks header and signature against the registration of the client.
 *
 * @throws TokenError for the first fault
 */
export function checkSignature(jwt: Jwt, client: RegisteredClient, algorithms: readonly Algorithm[]): void {
  const { alg, kid, typ, jku, crit } = jwt.header;
  const accepted = algorithms.find((one) => one === alg);
  clientCheck(accepted !== undefined, `alg ${JSON.stringify(alg)} is not accepted`);
  clientCheck(typ === 'JWT', 'typ must be JWT');
  clientCheck(typeof kid === 'string' && kid !== '', 'kid is missing');
  clientCheck(jku === undefined || jku === client.jku, 'jku is not the registered URL');
  clientCheck(crit === undefined, 'crit is not understood');
  const key = client.jwks?.keys.find((one) => one.kid === kid && fits(one, accepted));
  clientCheck(key !== undefined, `kid ${JSON.stringify(kid)} is not a registered key for ${accepted}`);
  // By Node and not by the library with which clients sign, so that one fault cannot hide the other. RFC 7518, 3.4:
  // the signature is R and S side by side, and not DER.
  const publicKey = createPublicKey({ key, format: 'jwk' });
  const valid = verify('sha384', Buffer.from(jwt.signed), { key: publicKey, dsaEncoding: 'ieee-p1363' }, jwt.signature);
  clientCheck(valid, 'The signature is wrong');
}

/**
 * Checks the claims of an assertion; `now` is the server's time, milliseconds since 1970.
 *
 * @throws TokenError for the first fault
 */
export function checkClaims(claims: JsonObject, clientId: string, audience: string, now: number): void {
  const { iss, sub, aud, exp, nbf, jti } = claims;
  clientCheck(iss === clientId && sub === clientId, 'iss and sub must be the client_id');
  // As text: an equivalent URL is another one (trailing slash, another spelling of the host name).
  clientCheck(aud === audience, `aud must be ${audience}`);
  clientCheck(typeof exp === 'number' && Number.isInteger(exp), 'exp must be a whole number of seconds');
  clientCheck(exp * 1000 > now, 'The assertion has expired');
  clientCheck(exp * 1000 <= now + farthest * 1000, `exp is more than ${farthest} seconds ahead`);
  clientCheck(nbf === undefined || (typeof nbf === 'number' && nbf * 1000 <= now), 'The assertion is not valid yet');
  clientCheck(typeof jti === 'string' && jti !== '', 'jti is missing');
}

function fits({ kty, crv, alg }: JsonWebKey, algorithm: Algorithm): boolean {
  if (alg !== undefined && alg !== algorithm) return false;
  return algorithm === 'RS384' ? kty === 'RSA' : kty === 'EC' && crv === 'P-384';
}

function parsePart(part: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    value = undefined;
  }
  clientCheck(typeof value === 'object' && value !== null && !Array.isArray(value), 'The assertion is not a JWT');
  return value as JsonObject;
}
