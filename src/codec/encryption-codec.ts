import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
// A CommonJS module without named exports.
import proto from '@temporalio/proto';
import type { PayloadKey, PayloadKeys } from './payload-keys.ts';
import { UnreadablePayload } from './unreadable.ts';

const { Payload: Proto } = proto.temporal.api.common.v1;

/** Value of the metadata `encoding` of a payload that is encrypted. */
const ENCODING = 'binary/aes-256-gcm';
/** Metadata that names the key. */
const KEY_ID = 'encryption-key-id';
/** Bytes; the lengths that NIST SP 800-38D recommends for GCM. */
const NONCE = 12;
const TAG = 16;

/**
 * Encrypts payloads by AES-256-GCM, as a whole: with their own encoding and other metadata. What is left in clear text,
 * the encoding and the id of the key, is authenticated. The workflow is not: Temporal moves payloads from one to another
 * (signals, children, results, Nexus), and a codec server does not learn which one it is.
 *
 * A payload that is not encrypted is decoded to itself: it is from before keys were configured, or its caller has none.
 */
export class EncryptionCodec implements PayloadCodec {
  readonly #active: PayloadKey;
  readonly #keys: ReadonlyMap<string, Buffer>;

  constructor(keys: PayloadKeys) {
    this.#active = keys[0];
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]));
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => {
      const { id, key } = this.#active;
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(clearText(id));
      const sealed = Buffer.concat([cipher.update(Proto.encode(payload).finish()), cipher.final()]);
      return {
        metadata: { encoding: Buffer.from(ENCODING), [KEY_ID]: Buffer.from(id) },
        data: Buffer.concat([nonce, sealed, cipher.getAuthTag()]),
      };
    });
  }

  /** @throws UnreadablePayload when the key is not there, or the payload is not what was encrypted with it */
  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => (isEncrypted(payload) ? this.#decrypt(payload) : payload));
  }

  #decrypt({ metadata, data }: Payload): Payload {
    const id = textOf(metadata?.[KEY_ID]);
    const key = this.#keys.get(id);
    if (key === undefined) {
      throw new UnreadablePayload(
        `A payload is encrypted with the key ${JSON.stringify(id.slice(0, 64))}, which is not here: ` +
          `here ${this.#keys.size === 1 ? 'is' : 'are'} ${[...this.#keys.keys()].join(', ')}`,
      );
    }
    const bytes = data ?? new Uint8Array();
    try {
      if (bytes.length < NONCE + TAG) throw new Error('too short');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG })
        .setAAD(clearText(id))
        .setAuthTag(bytes.subarray(-TAG));
      // Nothing of it is used before its tag was checked.
      return Proto.decode(Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]));
    } catch (error) {
      throw new UnreadablePayload(
        `A payload cannot be decrypted: it was changed, or the key ${id} is not the one that encrypted it`,
        { cause: error },
      );
    }
  }
}

function isEncrypted({ metadata }: Payload): boolean {
  return textOf(metadata?.['encoding']) === ENCODING;
}

/** What is authenticated without being encrypted. */
function clearText(id: string): Buffer {
  return Buffer.from(`${ENCODING}\0${id}`);
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
