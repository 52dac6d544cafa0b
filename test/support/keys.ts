import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';

/** A key pair in every form that can be configured; made anew for each test run. */
export interface TestKey {
  privateJwk: JWK;
  publicJwk: JWK;
  pem: string;
}

export async function makeKey(algorithm: 'RS384' | 'ES384', kid: string): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return {
    privateJwk: { ...(await exportJWK(privateKey)), kid, alg: algorithm },
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' },
    pem: await exportPKCS8(privateKey),
  };
}

/** Writes a secret to a file and gives its path. */
export async function secretFile(folder: string, name: string, content: string | object): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  return path;
}
