import * as v from 'valibot';
import { PerhapsPassingError } from '../../errors.ts';
import type { Secret } from '../../process/secret.ts';
import { isSendable } from '../token-request.ts';
import type { Scheme } from './scheme.ts';
import { secretFields } from './secret-fields.ts';

const Schema = v.strictObject({ type: v.literal('bearer'), ...secretFields('token') });

/** A token that somebody else obtains and replaces (RFC 6750). */
export const bearer: Scheme<typeof Schema> = {
  type: 'bearer',
  schema: Schema,
  secretName: 'token',
  credentials: (_config, secret) => ({
    kind: 'header',
    // A variable of the environment stays as it is. A password that is refused is not tried again: that may lock an account.
    ...(secret.isFile ? { isRenewed: true } : {}),
    async check() {
      await readToken(secret);
    },
    async header() {
      return `Bearer ${await readToken(secret)}`;
    },
  }),
};

async function readToken(secret: Secret): Promise<string> {
  const token = await secret.text();
  if (isSendable(token)) return token;
  throw new PerhapsPassingError(
    `${secret.place} holds no token: there are spaces, line breaks or other letters that a header cannot carry`,
  );
}
