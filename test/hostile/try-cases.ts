import * as fc from 'fast-check';
import type { Case } from './case.ts';
import type { Reach } from './generate/choices.ts';
import { anyCase } from './generate.ts';
import type { Evidence } from './oracle/evidence.ts';
import { judge } from './oracle/judge.ts';

/** A case in which an invariant did not hold. */
export interface Finding {
  seed: number;
  problems: string[];
  /** The smallest one found that fails, too, and its problems. */
  smallest: Case;
  ofSmallest: string[];
}

export interface Trying {
  reach: Reach;
  run(one: Case): Promise<Evidence>;
  /** Milliseconds for making a case smaller. */
  shrinking: number;
  /** Called with every case that has run. */
  onEvidence?(evidence: Evidence): void;
}

/** The case of a seed. */
export function caseOf(seed: number, reach: Reach): Case {
  let found: Case | undefined;
  // Not by `sample`, which would be other cases than those that are checked.
  fc.check(
    fc.property(anyCase(reach), (one) => {
      found = one;
    }),
    { seed: mixed(seed), numRuns: 1, unbiased: true },
  );
  return found as Case;
}

/** Neighbours would be alike. */
function mixed(seed: number): number {
  return Math.imul(seed, 0x9e3779b1);
}

/** Runs the case of a seed, and makes it as small as time permits when an invariant did not hold. */
export async function trySeed(
  seed: number,
  { reach, run, shrinking, onEvidence }: Trying,
): Promise<Finding | undefined> {
  let last: string[] = [];
  const property = fc.asyncProperty(anyCase(reach), async (one) => {
    const evidence = await run(one);
    onEvidence?.(evidence);
    const problems = judge(evidence);
    if (problems.length === 0) return;
    last = problems;
    throw new Error(problems[0]);
  });
  const onlyThis = { seed: mixed(seed), numRuns: 1, unbiased: true };
  // Without a limit of time: it would let a slow case pass unjudged, and go on beside the next one.
  const found = await fc.check(property, { ...onlyThis, endOnFailure: true });
  if (!found.failed || found.counterexample === null) return undefined;
  const problems = last;
  const { counterexample } = await fc.check(property, { ...onlyThis, interruptAfterTimeLimit: shrinking });
  return { seed, problems, smallest: (counterexample ?? found.counterexample)[0], ofSmallest: last };
}

/** A finding for people, with the command that shows it again. */
export function describeFinding({ seed, problems, smallest, ofSmallest }: Finding, level: string): string {
  return [
    `FAILED seed ${seed}`,
    ...problems.slice(0, 8).map((problem) => `  ${problem}`),
    `  smallest case: ${JSON.stringify(smallest)}`,
    ...ofSmallest.slice(0, 3).map((problem) => `    ${problem}`),
    `  again with: npm run hostile -- --seed ${seed}${level === 'activity' ? '' : ` --level ${level}`}`,
  ].join('\n');
}
