import type { Payload } from '@temporalio/common';
// A CommonJS module without named exports.
import proto from '@temporalio/proto';
import { isObject } from '../fhir/is-object.ts';

const { Payload: Proto } = proto.temporal.api.common.v1;

/** Payloads as Temporal's tools write them in JSON, with bytes in base64; undefined for any other text. */
export function payloadsOf(text: string): Payload[] | undefined {
  try {
    const { payloads } = JSON.parse(text) as { payloads?: unknown };
    return Array.isArray(payloads) && payloads.every(isPayload)
      ? payloads.map((one) => Proto.fromObject(one))
      : undefined;
  } catch {
    return undefined;
  }
}

function isPayload(value: unknown): value is object {
  if (!isObject(value)) return false;
  const { metadata = {}, data = '' } = value;
  return isObject(metadata) && [...Object.values(metadata), data].every((bytes) => typeof bytes === 'string');
}

export function textOfPayloads(payloads: readonly Payload[]): string {
  return JSON.stringify({
    payloads: payloads.map((one) => Proto.toObject(Proto.fromObject(one), { bytes: String, longs: String })),
  });
}
