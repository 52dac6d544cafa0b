import * as v from 'valibot';
import { Text } from '../../config/fields.ts';
import type { Scheme } from './scheme.ts';
import { secretFields } from './secret-fields.ts';

const Schema = v.strictObject({ type: v.literal('basic'), username: Text, ...secretFields('password') });

/** HTTP Basic (RFC 7617), in UTF-8. */
export const basic: Scheme<typeof Schema> = {
  type: 'basic',
  schema: Schema,
  secretName: 'password',
  credentials: ({ username }, secret) => ({
    kind: 'header',
    async check() {
      await secret.text();
    },
    async header() {
      return `Basic ${Buffer.from(`${username}:${await secret.text()}`).toString('base64')}`;
    },
  }),
};
