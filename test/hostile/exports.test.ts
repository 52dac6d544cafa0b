import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { BUNDLE } from '../support/stack.ts';
import { ExportBench } from './whole/run-exports.ts';
import type { Reach } from './generate/choices.ts';
import { judge } from './oracle/judge.ts';
import { caseOf, describeFinding } from './try-cases.ts';

/** Whole exports at once, and how often. */
const LANES = 8;
const ROUNDS = 3;
const REACH: Reach = { skipsTime: false, mostFiles: 5 };

let bench: ExportBench;

beforeAll(async () => {
  bench = await ExportBench.open(inject('temporalCli'), BUNDLE);
});
afterAll(async () => {
  await bench.close();
});

test.each(Array.from({ length: ROUNDS }, (_, round) => round * LANES + 1))(
  'whole exports from hostile servers: seeds from %i',
  { timeout: 180_000 },
  async (first) => {
    const seeds = Array.from({ length: LANES }, (_, lane) => first + lane);
    const evidences = await bench.run(seeds.map((seed) => caseOf(seed, REACH)));
    const findings = evidences.flatMap((evidence, lane) => {
      const problems = judge(evidence);
      if (problems.length === 0) return [];
      const finding = { seed: seeds[lane] as number, problems, smallest: evidence.case, ofSmallest: [] };
      return [describeFinding(finding, 'export')];
    });
    expect(findings.join('\n'), 'what does not hold').toBe('');
  },
);
