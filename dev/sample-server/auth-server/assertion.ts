import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import type { JWK } from 'jose';
import type { Algorithm, RegisteredClient } from './options.ts';
import { clientCheck } from './token-error.ts';

/** Header or claims of a JWT; nothing is known about the members. */
export type JsonObject = Record<string, unknown>;

/** A JWT whose signature has not been looked at. */
export type Jwt = { header: JsonObject; claims: JsonObject; signed: string; signature: Buffer };

/** Takes a JWT apart (RFC 7515, compact serialization). */
export function parseJwt(text: string): Jwt {
  const parts = text.split('.');
  const wellFormed = parts.length === 3 && parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part));
  clientCheck(wellFormed, 'The assertion is not a JWT');
  const [header = '', claims = '', signature = ''] = parts;
  return {
    header: jsonOf(header),
    claims: jsonOf(claims),
    signed: `${header}.${claims}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** Checks header and signature against what the client has registered; throws a `TokenError`. */
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
  // By Node and not by the library that clients sign with, so that the two cannot be wrong together. RFC 7518, 3.4:
  // the signature is R and S side by side, and not DER.
  const publicKey = createPublicKey({ key: key as JsonWebKey, format: 'jwk' });
  const valid = verify('sha384', Buffer.from(jwt.signed), { key: publicKey, dsaEncoding: 'ieee-p1363' }, jwt.signature);
  clientCheck(valid, 'The signature is wrong');
}

function fits({ kty, crv, alg }: JWK, algorithm: Algorithm): boolean {
  if (alg !== undefined && alg !== algorithm) return false;
  return algorithm === 'RS384' ? kty === 'RSA' : kty === 'EC' && crv === 'P-384';
}

function jsonOf(part: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    value = undefined;
  }
  clientCheck(typeof value === 'object' && value !== null && !Array.isArray(value), 'The assertion is not a JWT');
  return value as JsonObject;
}
