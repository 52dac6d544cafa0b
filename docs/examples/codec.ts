import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
// A CommonJS module without named exports.
import proto from '@temporalio/proto';

const { Payload: Proto } = proto.temporal.api.common.v1;
const ENCODING = Buffer.from('binary/encrypted');

/** Encrypts what goes to Temporal by AES-GCM. A real one also says which key it took. */
export class EncryptionCodec implements PayloadCodec {
  readonly #key: Buffer;

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#key = key;
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
      const sealed = Buffer.concat([cipher.update(Proto.encode(payload).finish()), cipher.final()]);
      return { metadata: { encoding: ENCODING }, data: Buffer.concat([nonce, cipher.getAuthTag(), sealed]) };
    });
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map(({ metadata, data }) => {
      if (!ENCODING.equals(metadata?.['encoding'] ?? Buffer.alloc(0)) || data == null) throw new Error('not encrypted');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, data.subarray(0, 12));
      decipher.setAuthTag(data.subarray(12, 28));
      return Proto.decode(Buffer.concat([decipher.update(data.subarray(28)), decipher.final()]));
    });
  }
}
