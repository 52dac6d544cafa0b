import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUNDLE } from '../support/stack.ts';
import type { Reach } from './generate/choices.ts';
import { Simulator } from './simulate/simulate-case.ts';
import { Tally } from './tally.ts';
import { describeFinding, trySeed } from './try-cases.ts';

/** Cases of one file of tests; there are two, which run at the same time. */
export const CASES = 100;
/** In each test, so that a report says more or less where. */
const GROUP = 50;
const REACH: Reach = { skipsTime: true, mostFiles: 6 };

/**
 * The short form of `npm run hostile`.
 *
 * @param first seed
 */
export function testActivities(first: number): void {
  let simulator: Simulator;
  const tally = new Tally();

  beforeAll(async () => {
    simulator = await Simulator.open(BUNDLE);
  });
  afterAll(async () => {
    await simulator.close();
  });

  test.each(Array.from({ length: CASES / GROUP }, (_, group) => first + group * GROUP))(
    'no server breaks an invariant: seeds from %i',
    { timeout: 240_000 },
    async (from) => {
      const findings: string[] = [];
      for (let seed = from; seed < from + GROUP && findings.length < 3; seed++) {
        const finding = await trySeed(seed, {
          reach: REACH,
          run: (one) => simulator.run(one),
          shrinking: 5000,
          onEvidence: (evidence) => tally.add(evidence),
        });
        if (finding !== undefined) findings.push(describeFinding(finding, 'activity'));
      }
      expect(findings.join('\n'), 'what does not hold').toBe('');
    },
  );

  test('the cases end in many ways, and often well', () => {
    expect(tally.share('complete')).toBeGreaterThan(0.35);
    expect(tally.endings().length).toBeGreaterThan(5);
  });
}
