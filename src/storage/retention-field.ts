import * as v from 'valibot';
import { parseDuration } from '../fhir/duration.ts';
import { Text } from '../config/fields.ts';

const DAY = 24 * 60 * 60 * 1000;

/**
 * `retention` of a destination: exports that ended so long ago are removed by a command. An ISO 8601 duration. Default:
 * none is.
 */
export const RetentionField = v.optional(
  v.pipe(
    Text,
    v.check(
      (text) => (parseDuration(text) ?? 0) >= DAY,
      'must be an ISO 8601 duration of days, hours, minutes and seconds, at least one day, such as P90D',
    ),
  ),
);
