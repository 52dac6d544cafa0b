import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { HttpUrl, Text } from '../../config/fields.ts';
import { ExportError } from '../../errors.ts';
import { readSigners } from '../key-file.ts';
import type { Signer } from '../signer.ts';
import type { Proof } from '../token-request.ts';
import type { Scheme } from './scheme.ts';
import { secretFields } from './secret-fields.ts';

const Schema = v.strictObject({
  type: v.literal('smart-backend'),
  clientId: Text,
  ...secretFields('privateKey'),
  /** Default: `kid` of the key, else its thumbprint. */
  keyId: v.optional(Text),
  /** Where the registered JWK Set is; goes into the assertions. */
  jku: v.optional(HttpUrl),
  /** Default: discovered. */
  tokenUrl: v.optional(HttpUrl),
  /** Default: derived from the request. */
  scope: v.optional(Text),
});

/** Seconds that an assertion lives: less than the 300 that SMART allows, for clocks that are not quite right. */
const ASSERTION_LIFE = 240;
/** Seconds by which an assertion claims to be older than it is: the server's clock is known to the second only. */
const ASSERTION_AGE = 5;

/** SMART Backend Services: client credentials with a signed assertion. Source: SMART App Launch 2.2. */
export const smartBackend: Scheme<typeof Schema> = {
  type: 'smart-backend',
  schema: Schema,
  secretName: 'privateKey',
  credentials({ clientId, keyId, jku, tokenUrl, scope }, secret) {
    const readKeys = async (): Promise<Signer[]> => readSigners(await secret.text(), keyId);
    const signer = async (algorithms: readonly string[]): Promise<Signer> => chooseSigner(await readKeys(), algorithms);
    return {
      kind: 'token',
      tokenUrl,
      scope,
      async check() {
        await readKeys();
      },
      proof: async (smart) =>
        assertionProof({ clientId, tokenUrl: smart.tokenUrl, jku }, await signer(smart.algorithms)),
      signer,
    };
  },
};

function chooseSigner(signers: readonly Signer[], algorithms: readonly string[]): Signer {
  const accepted = signers.find(({ algorithm }) => algorithms.length === 0 || algorithms.includes(algorithm));
  if (accepted !== undefined) return accepted;
  throw new ExportError(
    'AuthorizationFailed',
    `the key is for ${signers.map(({ algorithm }) => algorithm).join(', ')}, the server accepts ${algorithms.join(', ')}`,
  );
}

/** A client assertion: RFC 7523 as SMART asks for it, with an id of its own. */
export function assertionProof(
  { clientId, tokenUrl, jku }: { clientId: string; tokenUrl: string; jku: string | undefined },
  signer: Signer,
): Proof {
  return async (time) => {
    const now = Math.floor(time / 1000);
    const header = { typ: 'JWT', ...(jku === undefined ? {} : { jku }) };
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: tokenUrl,
      jti: randomUUID(),
      iat: now - ASSERTION_AGE,
      exp: now + ASSERTION_LIFE,
    };
    const assertion = await signer.sign(header, claims);
    return {
      headers: {},
      fields: {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      },
      secrets: [assertion],
    };
  };
}
