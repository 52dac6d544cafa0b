import * as v from 'valibot';
import { Mapping } from '../config/fields.ts';
import { DestinationSchema } from '../storage/destinations.ts';

export type AuditConfig = v.InferOutput<typeof AuditSchema>;

/** `audit` of the configuration: a record of every export that began, and of how it ended. */
export const AuditSchema = v.pipe(
  Mapping,
  v.strictObject({
    /** Where records go: a place of its own, which no request can name. */
    destination: v.pipe(
      DestinationSchema,
      v.forward(
        v.check(({ retention }) => retention === undefined, 'records are not removed; leave it out'),
        ['retention'],
      ),
    ),
    /** Requests must have `requestedBy` and `purpose`. Default false. */
    required: v.optional(v.boolean('must be true or false'), false),
  }),
);
