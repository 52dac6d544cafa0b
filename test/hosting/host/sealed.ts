import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';

const KEY = randomBytes(32);
const ENCODING = Buffer.from('binary/sealed');

/** Encrypts whatever goes to Temporal, by AES-GCM. */
export const sealed: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads.map(seal)),
  decode: (payloads) => Promise.resolve(payloads.map(unseal)),
};

export function isSealed({ metadata }: { metadata?: Record<string, Uint8Array> | null }): boolean {
  return ENCODING.equals(metadata?.['encoding'] ?? new Uint8Array());
}

const { Payload: Proto } = temporal.api.common.v1;

function seal(payload: Payload): Payload {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', KEY, nonce);
  const body = Buffer.concat([cipher.update(Proto.encode(payload).finish()), cipher.final()]);
  return { metadata: { encoding: ENCODING }, data: Buffer.concat([nonce, cipher.getAuthTag(), body]) };
}

function unseal(payload: Payload): Payload {
  if (!isSealed(payload)) throw new Error('this payload was not sealed');
  const data = payload.data ?? new Uint8Array();
  const decipher = createDecipheriv('aes-256-gcm', KEY, data.subarray(0, 12));
  decipher.setAuthTag(data.subarray(12, 28));
  return Proto.decode(Buffer.concat([decipher.update(data.subarray(28)), decipher.final()]));
}
