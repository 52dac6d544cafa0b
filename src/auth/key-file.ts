import type { CryptoKey, JWK } from 'jose';
import { SignJWT, calculateJwkThumbprint, exportJWK, importJWK, importPKCS8 } from 'jose';
import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { PerhapsPassingError } from '../errors.ts';
import type { Signer, SigningAlgorithm } from './signer.ts';

/** Bits of an RSA key for RS384 (RFC 7518, 3.3). */
const SHORTEST_RSA = 2048;

/**
 * The keys of a private key text: a JWK, a JWK Set or a PEM (PKCS#8, PKCS#1 or SEC1). Keys that cannot sign RS384 or
 * ES384, and keys of a set that are public or for encryption, are left out.
 *
 * @param keyId takes the place of `kid`, or chooses one key of a set; without either, the key's thumbprint (RFC 7638)
 * @throws PerhapsPassingError that says what is wrong, without a word of the key
 */
export async function readSigners(text: string, keyId: string | undefined): Promise<Signer[]> {
  // Tools write attributes before the first line of a PEM.
  const signers = text.includes('-----BEGIN ') ? await fromPem(text, keyId) : await fromJwks(parseJwks(text), keyId);
  if (signers.length === 0) {
    throw unusable(
      `no ${keyId === undefined ? '' : `key "${keyId}" that is a `}private RSA key (RS384) or EC key on P-384 (ES384) is in it`,
    );
  }
  return signers;
}

async function fromPem(text: string, keyId: string | undefined): Promise<Signer[]> {
  const key = parsePem(text);
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve } = {} } = key;
  const algorithm = type === 'rsa' ? 'RS384' : namedCurve === 'secp384r1' ? 'ES384' : undefined;
  if (algorithm === undefined) return [];
  const imported = await importPKCS8(key.export({ type: 'pkcs8', format: 'pem' }) as string, algorithm, {
    extractable: true,
  });
  return [signer(algorithm, keyId ?? (await calculateJwkThumbprint(await exportJWK(imported))), imported)];
}

function parsePem(text: string): KeyObject {
  try {
    // Variables of an environment often have their line breaks written as letters.
    return createPrivateKey(text.replaceAll('\\n', '\n'));
  } catch {
    // The words of the parser may quote the text.
    throw unusable('it is not a PEM private key without passphrase');
  }
}

async function fromJwks(keys: readonly JWK[], keyId: string | undefined): Promise<Signer[]> {
  const usable = keys.filter((jwk) => jwk?.d !== undefined && jwk.use !== 'enc');
  const chosen = usable.length > 1 && keyId !== undefined ? usable.filter(({ kid }) => kid === keyId) : usable;
  const read = await Promise.allSettled(chosen.map((jwk) => fromJwk(jwk, keyId)));
  const signers = read.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  // A key of a set that cannot be used is in the way of no other.
  const fault = read.find((one) => one.status === 'rejected');
  if (signers.length === 0 && fault !== undefined) throw fault.reason;
  return signers;
}

async function fromJwk(jwk: JWK, keyId: string | undefined): Promise<Signer[]> {
  const algorithm = algorithmOf(jwk);
  if (algorithm === undefined) return [];
  const imported = await importKey(jwk, algorithm);
  return [signer(algorithm, keyId ?? jwk.kid ?? (await calculateJwkThumbprint(jwk)), imported)];
}

async function importKey(jwk: JWK, algorithm: SigningAlgorithm): Promise<CryptoKey> {
  try {
    // Some tools name what both keys of the pair are for, and a private key does not verify.
    const { key_ops: _, ...key } = jwk;
    return (await importJWK(key, algorithm)) as CryptoKey;
  } catch {
    throw unusable('a JWK in it is malformed');
  }
}

function parseJwks(text: string): JWK[] {
  try {
    const value = JSON.parse(text.trim()) as JWK | { keys: JWK[] };
    if ('keys' in value && Array.isArray(value.keys)) return value.keys;
    return [value as JWK];
  } catch {
    throw unusable('it is neither a JWK, a JWK Set nor a PEM');
  }
}

/** Chosen from the key: SMART asks for RS384 with RSA and ES384 with P-384. */
function algorithmOf({ kty, crv }: JWK): SigningAlgorithm | undefined {
  if (kty === 'RSA') return 'RS384';
  return kty === 'EC' && crv === 'P-384' ? 'ES384' : undefined;
}

function signer(algorithm: SigningAlgorithm, keyId: string, key: CryptoKey): Signer {
  const { modulusLength = Infinity } = key.algorithm as { modulusLength?: number };
  if (modulusLength < SHORTEST_RSA) throw unusable(`its RSA key has ${modulusLength} bits and needs ${SHORTEST_RSA}`);
  return {
    algorithm,
    keyId,
    sign: (header, claims) =>
      new SignJWT({ ...claims }).setProtectedHeader({ ...header, alg: algorithm, kid: keyId }).sign(key),
  };
}

function unusable(why: string): PerhapsPassingError {
  return new PerhapsPassingError(`the private key cannot be used: ${why}`);
}
