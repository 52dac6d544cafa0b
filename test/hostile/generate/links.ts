import * as fc from 'fast-check';
import type { Links } from '../case.ts';
import type { Reach } from './choices.ts';
import { HOUR, MINUTE, SMALLER, mostly } from './choices.ts';

/** Links that nothing happens to. */
export const STEADY: Links = { said: false, refusal: 403, renewal: 'signed anew', reordered: false };

/** Links that live long enough for a few files, and not for all. */
export const SHORT: fc.Arbitrary<Links> = fc.record({
  lifetime: fc.constantFrom(3 * MINUTE, 5 * MINUTE),
  said: fc.boolean(),
  refusal: fc.constantFrom<Links['refusal']>(401, 403, 404, 410),
  renewal: fc.constantFrom<Links['renewal']>('signed anew', 'new addresses'),
  reordered: fc.constant(false),
});

/** Any links. */
export function links(reach: Reach): fc.Arbitrary<Links> {
  return fc
    .record({
      lifetime: reach.skipsTime
        ? fc.oneof(
            SMALLER,
            { weight: 3, arbitrary: fc.constant(undefined) },
            { weight: 2, arbitrary: fc.constantFrom(0.5 * MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR) },
          )
        : mostly<number | undefined>(undefined, 1, 700),
      said: fc.boolean(),
      refusal: fc.constantFrom<Links['refusal']>(401, 403, 404, 410),
      renewal: fc.constantFrom<Links['renewal']>('signed anew', 'signed anew', 'new addresses', 'same', 'other files'),
      reordered: mostly(false, true),
    })
    .map(({ lifetime, ...rest }) => ({ ...rest, ...(lifetime === undefined ? {} : { lifetime }) }));
}
