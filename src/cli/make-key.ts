import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { SigningAlgorithm } from '../auth/signer.ts';
import { SIGNING_ALGORITHMS } from '../auth/signer.ts';
import type { Command } from './command.ts';

const USAGE = `Usage: fhir-bulk-export make-key FILE [--algorithm ES384|RS384]
Makes a key pair for SMART Backend Services: the private JWK goes into FILE (which must not exist), the public JWK Set
is printed, to be registered with the FHIR server.`;

/** `fhir-bulk-export make-key` */
export const makeKey: Command = {
  usage: USAGE,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { algorithm: { type: 'string', default: 'ES384' } },
    });
    const [file] = positionals;
    const algorithm = values.algorithm as SigningAlgorithm;
    if (file === undefined || !SIGNING_ALGORITHMS.includes(algorithm)) {
      process.stderr.write(`${USAGE}\n`);
      return 2;
    }
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { modulusLength: 3072, extractable: true });
    const publicJwk = await exportJWK(publicKey);
    const named = { kid: await calculateJwkThumbprint(publicJwk), alg: algorithm, use: 'sig' };
    await writePrivate(file, `${JSON.stringify({ ...(await exportJWK(privateKey)), ...named }, null, 2)}\n`);
    process.stderr.write(
      `The private key is in ${file}; keep it secret. Register this JWK Set with the FHIR server:\n`,
    );
    process.stdout.write(`${JSON.stringify({ keys: [{ ...publicJwk, ...named, key_ops: ['verify'] }] }, null, 2)}\n`);
    return 0;
  },
};

async function writePrivate(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new Error('The file exists already; a key is never overwritten.', { cause: error });
  }
}
