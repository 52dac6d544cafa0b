// npm run chaos: exports that go on while everything around them breaks.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { describeFigures, newFigures } from './figures.ts';
import { LANES, planRound } from './plan.ts';
import { runRound } from './round.ts';
import { startBase } from './stack.ts';

const help = `Usage: npm run chaos -- [options]

Runs exports, ${LANES} at once, while workers, the Temporal server, FHIR servers, token endpoints, file hosts and the disk
fail at random moments, and checks every byte, request and report afterwards.

  --runs N    how many exports; default 200, with --seed ${LANES}
  --seed N    the plan of the first round; the next ones have the seeds after it. Default: by the clock
  --help`;

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});
// What is left to be done then is done at the exit.
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
  const firstSeed = givenSeed ?? Math.floor(Date.now() / 1000) % 1_000_000;
  const rounds = Math.max(1, Math.ceil((givenRuns ?? (givenSeed === undefined ? 200 : LANES)) / LANES));
  console.log(`seed ${firstSeed}, ${rounds} rounds of ${LANES} exports`);
  const cli = await findTemporalCli(console.log);
  const folder = await mkdtemp(join(tmpdir(), 'fhir-bulk-export-chaos-'));
  const base = await startBase(folder, cli);
  const figures = newFigures();
  const failed: number[] = [];
  const started = Date.now();
  try {
    for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
      const before = Date.now();
      const { runs, injected, problems, folder: kept } = await runRound(planRound(seed), base, figures);
      const faults = injected.map(({ kind }) => kind).join(', ') || 'no faults';
      const took = ((Date.now() - before) / 1000).toFixed(1);
      const times = runs.map(({ startedAt, endedAt = Date.now() }) => Math.round((endedAt - startedAt) / 1000));
      console.log(
        `${problems.length === 0 ? 'ok    ' : 'FAILED'} seed ${seed}  ${took.padStart(5)} s  (runs ${times.join(', ')})  ${faults}`,
      );
      if (problems.length === 0) continue;
      failed.push(seed);
      for (const problem of problems) console.log(`       ${problem}`);
      console.log(`       kept in ${kept}; again with: npm run chaos -- --seed ${seed}`);
    }
  } finally {
    await base.close();
  }
  figures.seconds = (Date.now() - started) / 1000;
  console.log(`\n${describeFigures(figures)}`);
  if (failed.length === 0) await rm(folder, { recursive: true, force: true });
  else console.log(`\n${failed.length} of ${rounds} rounds failed: seeds ${failed.join(', ')}; see ${folder}`);
  return failed.length === 0 ? 0 : 1;
}
