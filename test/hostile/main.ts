// npm run hostile: exports from servers that behave in every way that the standard allows, and in many that it does not.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { ExportBench } from './whole/run-exports.ts';
import type { Reach } from './generate/choices.ts';
import { judge } from './oracle/judge.ts';
import { Simulator } from './simulate/simulate-case.ts';
import { Tally } from './tally.ts';
import { caseOf, describeFinding, trySeed } from './try-cases.ts';

const BUNDLE = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));

const ACTIVITY: Reach = { skipsTime: true, mostFiles: 6 };
const EXPORT: Reach = { skipsTime: false, mostFiles: 5 };
/** Whole exports at once. */
const LANES = 8;

const help = `Usage: npm run hostile -- [options]

Runs exports from generated hostile servers, and checks files, requests and histories afterwards.

  --runs N     how many cases; default 1000, with --seed one
  --seed N     the first case; the next ones have the seeds after it. Default: by the clock
  --level L    activity: the workflow's own code without Temporal, in skipped time (default); export: whole exports
               with a Temporal server and workers
  --help`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    level: { type: 'string', default: 'activity' },
    help: { type: 'boolean' },
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
if (values.help === true) console.log(help);
else process.exitCode = await run(numberOf('seed', values.seed), numberOf('runs', values.runs));

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = text === '' ? Number.NaN : Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} needs a whole number`);
  return number;
}

async function run(givenSeed: number | undefined, givenRuns: number | undefined): Promise<number> {
  const first = givenSeed ?? Math.floor(Date.now() / 1000) % 1_000_000;
  const runs = givenRuns ?? (givenSeed === undefined ? 1000 : 1);
  console.log(`seeds ${first} to ${first + runs - 1}`);
  const seeds = Array.from({ length: runs }, (_, offset) => first + offset);
  const started = performance.now();
  const tally = new Tally();
  const failed = values.level === 'export' ? await runExports(seeds, tally) : await runActivities(seeds, tally);
  console.log(`${runs} cases in ${((performance.now() - started) / 1000).toFixed(0)} s: ${tally.describe()}`);
  if (failed.length > 0) console.log(`${failed.length} failed: seeds ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

async function runActivities(seeds: readonly number[], tally: Tally): Promise<number[]> {
  const simulator = await Simulator.open(BUNDLE);
  const failed: number[] = [];
  try {
    for (const seed of seeds) {
      const finding = await trySeed(seed, {
        reach: ACTIVITY,
        run: (one) => simulator.run(one),
        shrinking: seeds.length === 1 ? 30_000 : 4000,
        onEvidence: (evidence) => tally.add(evidence),
      });
      if (finding === undefined) continue;
      failed.push(seed);
      console.log(describeFinding(finding, 'activity'));
    }
  } finally {
    await simulator.close();
  }
  return failed;
}

async function runExports(seeds: readonly number[], tally: Tally): Promise<number[]> {
  const bench = await ExportBench.open(await findTemporalCli(console.log), BUNDLE);
  const failed: number[] = [];
  try {
    for (let at = 0; at < seeds.length; at += LANES) {
      const group = seeds.slice(at, at + LANES);
      const evidences = await bench.run(group.map((seed) => caseOf(seed, EXPORT)));
      for (const [lane, evidence] of evidences.entries()) {
        tally.add(evidence);
        const problems = judge(evidence);
        if (problems.length === 0) continue;
        const seed = group[lane] as number;
        failed.push(seed);
        const finding = { seed, problems, smallest: evidence.case, ofSmallest: [] };
        console.log(describeFinding(finding, 'export'));
      }
    }
  } finally {
    await bench.close();
  }
  return failed;
}
