import * as fc from 'fast-check';
import type { Refusal, RetryAfter } from '../case.ts';

/** How far a case may go. */
export interface Reach {
  /** Time can be skipped: waits of hours cost nothing. */
  skipsTime: boolean;
  mostFiles: number;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * 3600;

/** A failing case is made smaller by trying the first choice. */
export const SMALLER = { withCrossShrink: true };

/** Mostly the first, so that a case has few faults and each is seen. */
export function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    SMALLER,
    { weight: 3, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  );
}

/** Mostly nothing. */
export function rarely<T>(arbitrary: fc.Arbitrary<T>, weight = 6): fc.Arbitrary<T | undefined> {
  return fc.oneof(SMALLER, { weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

function retryAfter({ skipsTime }: Reach): fc.Arbitrary<RetryAfter> {
  const seconds = skipsTime ? [1, 30, 120, 3600, 120_000, YEAR] : [1];
  return fc.oneof(
    fc.constantFrom(...seconds, 0, -5).map((value) => ({ form: 'seconds' as const, value })),
    fc
      .constantFrom(...(skipsTime ? [20, 7200, YEAR] : [1]), -60)
      .map((value) => ({ form: 'date' as const, in: value })),
    fc.constantFrom('soon', '', '1e99', '12 seconds', '٣', 'NaN').map((text) => ({ form: 'text' as const, text })),
  );
}

export function refusal(
  reach: Reach,
  statuses: readonly number[],
  bodies: readonly Refusal['body'][],
): fc.Arbitrary<Refusal> {
  return fc
    .record({
      status: fc.constantFrom(...statuses),
      body: fc.constantFrom(...bodies),
      retryAfter: rarely(retryAfter(reach), 1),
    })
    .map(({ retryAfter: wait, ...rest }) => ({ ...rest, ...(wait === undefined ? {} : { retryAfter: wait }) }));
}

/** True once in so many. */
export function oftenNot(weight: number): fc.Arbitrary<boolean> {
  return fc.oneof(SMALLER, { weight, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
}
