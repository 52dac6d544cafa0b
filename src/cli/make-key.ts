import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { SigningAlgorithm } from '../auth/signer.ts';
import { SIGNING_ALGORITHMS } from '../auth/signer.ts';
import { newCommand } from './arguments.ts';

/** `fhir-bulk-export make-key` */
export function makeKeyCommand(): Command {
  return newCommand(
    'make-key',
    {
      summary: 'make a key pair for SMART Backend Services',
      description:
        'Makes a key pair for SMART Backend Services: the private JWK goes into a file, the public JWK Set is printed, ' +
        'to be registered with the FHIR server.',
    },
    [['make-key hospital-a.jwk.json > hospital-a.jwks.json', 'both halves in files']],
  )
    .argument('<file>', 'for the private key; must not exist')
    .addOption(new Option('--algorithm <name>', 'of the signature').choices(SIGNING_ALGORITHMS).default('ES384'))
    .action(async (file: string, { algorithm }: { algorithm: SigningAlgorithm }) => {
      const { calculateJwkThumbprint, exportJWK, generateKeyPair } = await import('jose');
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { modulusLength: 3072, extractable: true });
      const publicJwk = await exportJWK(publicKey);
      const named = { kid: await calculateJwkThumbprint(publicJwk), alg: algorithm, use: 'sig' };
      await writePrivate(file, `${JSON.stringify({ ...(await exportJWK(privateKey)), ...named }, null, 2)}\n`);
      process.stderr.write(
        `The private key is in ${file}; keep it secret. Register this JWK Set with the FHIR server:\n`,
      );
      process.stdout.write(`${JSON.stringify({ keys: [{ ...publicJwk, ...named, key_ops: ['verify'] }] }, null, 2)}\n`);
    });
}

async function writePrivate(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new Error('The file exists already; a key is never overwritten.', { cause: error });
  }
}
