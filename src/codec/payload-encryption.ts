import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { EncryptionCodec } from './encryption-codec.ts';
import { payloadKeysOf } from './payload-keys.ts';

/** Module that has the messages of failures encrypted. Only the compiled one can be loaded by the SDK. */
export const failureConverterPath = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.js') ? './failure-converter.cjs' : '../../dist/src/codec/failure-converter.cjs',
    import.meta.url,
  ),
);

/**
 * Data converter of clients and workers that encrypts all payloads with the keys in `BULK_EXPORT_ENCRYPTION_KEYS`, or in
 * the file that `BULK_EXPORT_ENCRYPTION_KEYS_FILE` names. All of our programs use it. Keys are read once.
 *
 * @param env default: that of the process
 * @returns undefined when there are no keys: nothing is encrypted
 * @throws Error when keys cannot be read or are malformed
 */
export function payloadEncryption(env: NodeJS.ProcessEnv = process.env): DataConverter | undefined {
  const keys = payloadKeysOf(env);
  return keys && { payloadCodecs: [new EncryptionCodec(keys)], failureConverterPath };
}
