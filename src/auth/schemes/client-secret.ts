import * as v from 'valibot';
import { HttpUrl, Text } from '../../config/fields.ts';
import type { Proof } from '../token-request.ts';
import type { Scheme } from './scheme.ts';
import { secretFields } from './secret-fields.ts';

const Schema = v.strictObject({
  type: v.literal('client-secret'),
  clientId: Text,
  ...secretFields('clientSecret'),
  /** Where the secret goes in the token request; default `basic`, HTTP Basic. */
  secretIn: v.optional(v.picklist(['basic', 'form'], 'must be basic or form'), 'basic'),
  tokenUrl: HttpUrl,
  scope: v.optional(Text),
});

/** Client credentials with a shared secret (RFC 6749, 4.4). */
export const clientSecret: Scheme<typeof Schema> = {
  type: 'client-secret',
  schema: Schema,
  secretName: 'clientSecret',
  credentials: ({ clientId, secretIn, tokenUrl, scope }, secret) => ({
    kind: 'token',
    tokenUrl,
    scope,
    async check() {
      await secret.text();
    },
    proof: async () => secretProof(clientId, () => secret.text(), secretIn),
  }),
};

/** A client secret, by HTTP Basic or in the form (RFC 6749, 2.3.1). */
export function secretProof(clientId: string, secret: () => Promise<string>, method: 'basic' | 'form'): Proof {
  return async () => {
    const text = await secret();
    const basic = Buffer.from(`${encodeForm(clientId)}:${encodeForm(text)}`).toString('base64');
    return method === 'basic'
      ? { headers: { authorization: `Basic ${basic}` }, fields: {}, secrets: [text, basic] }
      : { headers: {}, fields: { client_id: clientId, client_secret: text }, secrets: [text] };
  };
}

function encodeForm(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
