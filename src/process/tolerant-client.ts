import { Client } from '@temporalio/client';
import type { Payload, PayloadCodec, PayloadConverter } from '@temporalio/common';

/** A payload that is decoded to undefined. */
const NOTHING: Payload = { metadata: { encoding: Buffer.from('binary/null') } };

/**
 * A client of the same service for lists and descriptions: what cannot be decoded is undefined there. The SDK decodes the
 * memo of each workflow, and one that is encrypted with the keys of others would end the list of all.
 */
export function tolerant(client: Client): Client {
  const { namespace, identity, dataConverter, loadedDataConverter } = client.options;
  const { payloadCodecs, payloadConverter } = loadedDataConverter;
  const payloadCodec = new TolerantCodec(payloadCodecs, payloadConverter);
  const { connection } = client;
  return new Client({
    connection,
    namespace,
    identity,
    dataConverter: { ...dataConverter, payloadCodecs: [payloadCodec] },
  });
}

class TolerantCodec implements PayloadCodec {
  readonly #codecs: readonly PayloadCodec[];
  readonly #converter: PayloadConverter;

  constructor(codecs: readonly PayloadCodec[], converter: PayloadConverter) {
    this.#codecs = codecs;
    this.#converter = converter;
  }

  async encode(): Promise<Payload[]> {
    throw new Error('This client only reads.');
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map((payload) => this.#decodeOne(payload).catch(() => NOTHING)));
  }

  async #decodeOne(payload: Payload): Promise<Payload> {
    let decoded = [payload];
    for (const codec of this.#codecs.toReversed()) decoded = await codec.decode(decoded);
    const [one = NOTHING] = decoded;
    // Throws what the SDK would throw later.
    this.#converter.fromPayload(one);
    return one;
  }
}
