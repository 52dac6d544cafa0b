import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { SigningAlgorithm } from '../auth/signer.ts';
import { SIGNING_ALGORITHMS } from '../auth/signer.ts';

const USAGE = `Usage: npm run make-key -- FILE [--algorithm ES384|RS384]
Makes a key pair for SMART Backend Services: the private JWK goes into FILE (which must not exist), the public JWK Set
is printed, to be registered with the FHIR server.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { algorithm: { type: 'string', default: 'ES384' }, help: { type: 'boolean', short: 'h' } },
  });
  const [file] = positionals;
  const algorithm = values.algorithm as SigningAlgorithm;
  if (values.help === true || file === undefined || !SIGNING_ALGORITHMS.includes(algorithm)) {
    process.stdout.write(`${USAGE}\n`);
    return values.help === true ? 0 : 2;
  }
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { modulusLength: 3072, extractable: true });
  const publicJwk = await exportJWK(publicKey);
  const named = { kid: await calculateJwkThumbprint(publicJwk), alg: algorithm, use: 'sig' };
  const text = `${JSON.stringify({ ...(await exportJWK(privateKey)), ...named }, null, 2)}\n`;
  await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  process.stderr.write(`The private key is in ${file}; keep it secret. Register this JWK Set with the FHIR server:\n`);
  process.stdout.write(`${JSON.stringify({ keys: [{ ...publicJwk, ...named, key_ops: ['verify'] }] }, null, 2)}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  process.stderr.write(`${code === 'EEXIST' ? 'The file exists already; a key is never overwritten.' : message}\n`);
  process.exitCode = 1;
}
