import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, exportJWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { readSigners } from '../../src/auth/key-file.ts';
import type { Signer } from '../../src/auth/signer.ts';
import { makeKey } from '../support/keys.ts';

const openssl = (args: string[], input?: string): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'], input });

const [rsa, ec, other] = await Promise.all([makeKey('RS384', 'rsa'), makeKey('ES384', 'ec'), makeKey('ES384', 'two')]);
const sec1 = openssl(['ecparam', '-name', 'secp384r1', '-genkey', '-noout']);
const pkcs1 = openssl(['genrsa', '-traditional', '2048']);

/** Of each form, what it is and the key that must be able to check its signatures. */
const FORMS: [string, string, 'RS384' | 'ES384'][] = [
  ['a JWK with RSA', JSON.stringify(rsa.privateJwk), 'RS384'],
  ['a JWK with EC', JSON.stringify(ec.privateJwk, undefined, 2), 'ES384'],
  ['a JWK after a byte order mark', `\ufeff${JSON.stringify(ec.privateJwk)}\r\n`, 'ES384'],
  ['a JWK Set', JSON.stringify({ keys: [ec.privateJwk] }), 'ES384'],
  ['a PEM as PKCS#8 with RSA', rsa.pem, 'RS384'],
  ['a PEM as PKCS#8 with EC', ec.pem, 'ES384'],
  ['a PEM as PKCS#1', pkcs1, 'RS384'],
  ['a PEM as SEC1', sec1, 'ES384'],
  ['a PEM after its parameters', openssl(['ecparam', '-name', 'secp384r1', '-genkey']), 'ES384'],
  ['a PEM after attributes', `Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n${sec1}`, 'ES384'],
  ['a PEM with other line ends', sec1.replaceAll('\n', '\r\n'), 'ES384'],
  ['a PEM with line breaks as letters', sec1.replaceAll('\n', '\\n'), 'ES384'],
];

/** Public key of a text that holds one private key. */
async function publicOf(text: string): Promise<object> {
  if (text.includes('PRIVATE KEY')) {
    const pem = text.replaceAll('\\n', '\n').replaceAll('\r', '');
    return exportJWK(createPublicKey(pem.slice(pem.search(/-----BEGIN (?!EC PARAMETERS)/))));
  }
  return text.includes('RSA') ? rsa.publicJwk : ec.publicJwk;
}

describe('a private key', () => {
  test.each(FORMS)('as %s signs what its public key can check', async (_, text, algorithm) => {
    const [signer] = (await readSigners(text, 'my-key')) as [Signer];
    expect(signer).toMatchObject({ algorithm, keyId: 'my-key' });
    const jwt = await signer.sign({ typ: 'JWT' }, { iss: 'me' });
    const publicJwk = await publicOf(text);
    const { payload } = await jwtVerify(jwt, createLocalJWKSet({ keys: [{ ...publicJwk, kid: 'my-key' }] }));
    expect(payload).toEqual({ iss: 'me' });
    expect(decodeProtectedHeader(jwt)).toEqual({ typ: 'JWT', alg: algorithm, kid: 'my-key' });
    if (algorithm === 'ES384') expect(Buffer.from(jwt.split('.')[2] ?? '', 'base64url')).toHaveLength(96);
  });

  test.each([[['sign', 'verify']], [['verify']], [[]]])(
    'signs whatever operations are named for it: %j',
    async (key_ops) => {
      const [signer] = (await readSigners(JSON.stringify({ ...ec.privateJwk, key_ops }), undefined)) as [Signer];
      expect(await signer.sign({ typ: 'JWT' }, { iss: 'me' })).toBeTruthy();
    },
  );

  test('of a set is in the way of no other, when it cannot be used', async () => {
    const keys = [{ ...ec.privateJwk, kid: 'wrong', d: 'x' }, other.privateJwk];
    expect((await readSigners(JSON.stringify({ keys }), undefined)).map(({ keyId }) => keyId)).toEqual(['two']);
  });

  test('has the id of the configuration, else its own, else its thumbprint', async () => {
    const { kid: _, ...nameless } = ec.privateJwk;
    const id = async (jwk: object, keyId?: string) => (await readSigners(JSON.stringify(jwk), keyId))[0]?.keyId;
    expect(await id(ec.privateJwk, 'mine')).toBe('mine');
    expect(await id(ec.privateJwk)).toBe('ec');
    expect(await id(nameless)).toBe(await calculateJwkThumbprint(ec.publicJwk));
    expect((await readSigners(ec.pem, undefined))[0]?.keyId).toBe(await calculateJwkThumbprint(ec.publicJwk));
  });

  test('of a set is chosen by its id; public keys, keys for encryption and nonsense in it are passed over', async () => {
    const forEncryption = { ...rsa.privateJwk, kid: 'enc', use: 'enc' };
    const keys = [forEncryption, null, 'x', ec.privateJwk, other.privateJwk, rsa.publicJwk];
    const ids = async (keyId?: string) =>
      (await readSigners(JSON.stringify({ keys }), keyId)).map((signer) => signer.keyId);
    expect(await ids('two')).toEqual(['two']);
    expect(await ids()).toEqual(['ec', 'two']);
    await expect(ids('three')).rejects.toMatchObject({ message: expect.stringContaining('no key "three"') });
  });
});

describe('what is no usable private key is refused, with the reason and without a word of it', () => {
  const { p: _p, q: _q, ...withoutPrimes } = rsa.privateJwk;
  const NONE = /no private RSA key \(RS384\) or EC key on P-384 \(ES384\) is in it/;
  const NO_PEM = /not a PEM private key without passphrase/;
  test.each<[string, string, RegExp]>([
    ['garbage', 'correct-horse-battery-staple', /neither a JWK, a JWK Set nor a PEM/],
    ['null', 'null', /neither a JWK/],
    ['an empty set', '{"keys":[]}', NONE],
    ['a list of keys', JSON.stringify([ec.privateJwk]), NONE],
    ['a public JWK', JSON.stringify(ec.publicJwk), NONE],
    ['a JWK with a wrong member', JSON.stringify({ ...ec.privateJwk, d: 'correct-horse-battery' }), /malformed/],
    ['a JWK without its primes', JSON.stringify(withoutPrimes), /malformed/],
    ['a JWK on another curve', JSON.stringify({ ...ec.privateJwk, crv: 'P-256' }), NONE],
    ['a JWK for a shared secret', JSON.stringify({ kty: 'oct', k: 'c2VjcmV0c2VjcmV0', d: 'x' }), NONE],
    ['a PEM that is cut', ec.pem.slice(0, 90), NO_PEM],
    ['a public PEM', openssl(['pkey', '-pubout'], sec1), NO_PEM],
    ['a PEM with a passphrase', openssl(['pkcs8', '-topk8', '-passout', 'pass:word'], sec1), NO_PEM],
    ['a PEM on another curve', openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout']), NONE],
    ['a PEM with Ed25519', openssl(['genpkey', '-algorithm', 'ed25519']), NONE],
    ['a PEM for RSA-PSS only', openssl(['genpkey', '-algorithm', 'rsa-pss']), NONE],
    ['an RSA key that is too short', openssl(['genrsa', '1024']), /has 1024 bits and needs 2048/],
  ])('%s', async (_, text, reason) => {
    const error = await readSigners(text, undefined).then(
      () => undefined,
      (caught: unknown) => caught as Error,
    );
    expect(error).toMatchObject({ name: 'ExportError', code: 'AuthorizationFailed' });
    expect(error?.message).toMatch(/^the private key cannot be used: /);
    expect(error?.message).toMatch(reason);
    const words = text.split(/[\s"\\]+/).filter((word) => word.length > 12);
    for (const word of words) expect(error?.message).not.toContain(word);
    expect(error?.cause).toBeUndefined();
  });
});
