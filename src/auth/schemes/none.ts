import * as v from 'valibot';
import type { Scheme } from './scheme.ts';

const Schema = v.strictObject({ type: v.literal('none') });

/** Requests without credentials. */
export const none: Scheme<typeof Schema> = {
  type: 'none',
  schema: Schema,
  credentials: () => ({ kind: 'none' }),
};
