import * as fc from 'fast-check';
import type { TokenCase } from '../case.ts';
import type { Reach } from './choices.ts';
import { SMALLER, refusal } from './choices.ts';

/** Any authorization server. */
export function token(reach: Reach): fc.Arbitrary<TokenCase> {
  return fc.record({
    refuses: fc.oneof(
      SMALLER,
      { weight: 4, arbitrary: fc.constantFrom<TokenCase['refuses']>('none', 'Binary') },
      { weight: 1, arbitrary: fc.constant<TokenCase['refuses']>('all') },
    ),
    lifetime: reach.skipsTime ? fc.constantFrom(300, 60, 3600) : fc.constant(3600),
    troubles: fc.oneof(
      SMALLER,
      { weight: 4, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(refusal(reach, [429, 500, 503, 400], ['none', 'html', 'transient']), { maxLength: 2 }),
      },
    ),
  });
}
