import { ValueError } from '@temporalio/common';

/** A payload is encrypted, and cannot be decrypted with the keys that are here. */
export class UnreadablePayload extends Error {
  override readonly name = 'UnreadablePayload';
}

/** What the SDK says of an encrypted payload where there are no keys at all. */
const NO_KEYS = 'Unknown encoding: binary/aes-256-gcm';
const FIX =
  'Give this command the keys of the workers, in BULK_EXPORT_ENCRYPTION_KEYS_FILE or BULK_EXPORT_ENCRYPTION_KEYS ' +
  '(docs/encryption.md).';

/**
 * An error of a reader without the right keys, in words for whoever gave it none. Without them, it would pass for silence.
 *
 * @returns undefined for any other error
 */
export function asUnreadable(error: unknown): UnreadablePayload | undefined {
  const isWithout = error instanceof ValueError && error.message === NO_KEYS;
  if (!isWithout && !(error instanceof UnreadablePayload)) return undefined;
  const why = isWithout ? 'A payload is encrypted, and there are no keys here' : error.message;
  return new UnreadablePayload(`${why}. ${FIX}`, { cause: error });
}
