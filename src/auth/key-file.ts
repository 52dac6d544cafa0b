import type { CryptoKey, JWK } from 'jose';
import { SignJWT, calculateJwkThumbprint, exportJWK, importJWK, importPKCS8 } from 'jose';
import { createPrivateKey } from 'node:crypto';
import { ExportError } from '../errors.ts';
import type { Signer, SigningAlgorithm } from './signer.ts';

/**
 * The keys of a private key text: a JWK, a JWK Set or a PEM (PKCS#8, PKCS#1 or SEC1). Keys that cannot sign RS384 or
 * ES384, and public keys of a set, are left out.
 *
 * @param keyId takes the place of `kid`, or chooses one key of a set; without either, the key's thumbprint (RFC 7638)
 * @throws ExportError `AuthorizationFailed` that says what is wrong, without a word of the key
 */
export async function readSigners(text: string, keyId: string | undefined): Promise<Signer[]> {
  const signers = text.trimStart().startsWith('-----')
    ? await fromPem(text, keyId)
    : await fromJwks(parseJwks(text), keyId);
  if (signers.length === 0) {
    throw unusable(
      `no ${keyId === undefined ? '' : `key "${keyId}" that is a `}private RSA key (RS384) or EC key on P-384 (ES384) is in it`,
    );
  }
  return signers;
}

async function fromPem(text: string, keyId: string | undefined): Promise<Signer[]> {
  try {
    const key = createPrivateKey(text);
    const algorithm = key.asymmetricKeyType === 'ec' ? 'ES384' : 'RS384';
    const imported = await importPKCS8(key.export({ type: 'pkcs8', format: 'pem' }) as string, algorithm, {
      extractable: true,
    });
    const jwk = await exportJWK(imported);
    if (algorithmOf(jwk) === undefined) return [];
    return [signer(algorithm, keyId ?? (await calculateJwkThumbprint(jwk)), imported)];
  } catch {
    // The words of the parser may quote the text.
    throw unusable('it is not a PEM private key without passphrase');
  }
}

async function fromJwks(keys: readonly JWK[], keyId: string | undefined): Promise<Signer[]> {
  const usable = keys.filter(({ d }) => d !== undefined);
  const chosen = usable.length > 1 && keyId !== undefined ? usable.filter(({ kid }) => kid === keyId) : usable;
  const signers = chosen.map(async (jwk) => {
    const algorithm = algorithmOf(jwk);
    if (algorithm === undefined) return [];
    try {
      const imported = (await importJWK(jwk, algorithm)) as CryptoKey;
      return [signer(algorithm, keyId ?? jwk.kid ?? (await calculateJwkThumbprint(jwk)), imported)];
    } catch {
      throw unusable('a JWK in it is malformed');
    }
  });
  return (await Promise.all(signers)).flat();
}

function parseJwks(text: string): JWK[] {
  try {
    const value = JSON.parse(text) as JWK | { keys: JWK[] };
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
  return {
    algorithm,
    keyId,
    sign: (header, claims) =>
      new SignJWT({ ...claims }).setProtectedHeader({ ...header, alg: algorithm, kid: keyId }).sign(key),
  };
}

function unusable(why: string): ExportError {
  return new ExportError('AuthorizationFailed', `the private key cannot be used: ${why}`);
}
