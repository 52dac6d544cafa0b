import { setMaxListeners } from 'node:events';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkDeletes } from './checks/deletes.ts';
import { gatherEvidence } from './checks/evidence.ts';
import { checkFetches } from './checks/fetches.ts';
import { checkFiles } from './checks/files.ts';
import { checkKickOffs } from './checks/kick-offs.ts';
import { checkOutcome } from './checks/outcome.ts';
import { checkReport } from './checks/report.ts';
import { checkSecrets } from './checks/secrets.ts';
import { checkWaits } from './checks/waits.ts';
import type { ExportRun, Injected } from './export-run.ts';
import { reportOf } from './export-run.ts';
import type { Figures } from './figures.ts';
import { addFaults, addRun } from './figures.ts';
import { followExport } from './follow-export.ts';
import { injectAll } from './inject.ts';
import { keepEvidence } from './keep.ts';
import type { RoundPlan } from './plan.ts';
import type { RoundResult } from './round-result.ts';
import type { Base, RoundStack } from './stack.ts';
import { startRoundStack } from './stack.ts';

/** Milliseconds in which a worker that was frozen may still do what it should not. */
const AFTERMATH = 1500;

/** A worker may end when the Temporal server is away for long, and is then started again. */
const MOST_OWN_ENDS = 6;

/**
 * Runs the exports of a plan at the same time while its faults happen, and compares what came of it with what is
 * promised.
 *
 * @param figures gets what is to be told in the end
 */
export async function runRound(plan: RoundPlan, base: Base, figures: Figures): Promise<RoundResult> {
  const stack = await startRoundStack(plan, base);
  const result: RoundResult = { runs: [], injected: [], problems: [], folder: stack.folder };
  try {
    result.runs = plan.shapes.map((_, lane) => newRun(lane, plan, stack));
    await exportAll(plan, base, stack, result);
    addFaults(figures, result.injected);
    const { ownEnds } = stack.workers;
    if (ownEnds > MOST_OWN_ENDS) result.problems.push(`workers ended ${ownEnds} times without being told to`);
    for (const run of result.runs) result.problems.push(...(await judge(run, result.injected, figures)));
    const { client } = base.temporal;
    result.problems.push(...(await checkSecrets(result.runs, { client, key: base.key, logs: stack.workers.logs })));
    if (result.problems.length > 0) await keepEvidence(plan, base, stack, result);
  } finally {
    await stack.close();
    if (result.problems.length === 0) await stack.disk?.close();
    if (result.problems.length === 0) await rm(stack.folder, { recursive: true, force: true });
  }
  return result;
}

function newRun(lane: number, { seed }: RoundPlan, { hospitals, destinations, disk }: RoundStack): ExportRun {
  const { roomy, small } = destinations;
  const hospital = hospitals[lane];
  if (hospital === undefined) throw new Error(`no FHIR server for lane ${lane}`);
  // The exports of a disk that fills up should be some, not all, where that can be had.
  const onSmall = disk?.isEverywhere === true || lane < 2;
  const destination =
    small !== undefined && onSmall ? { name: 'small', place: small } : { name: 'roomy', place: roomy };
  return { lane, hospital, destination, path: `chaos-${seed}-${lane}`, startedAt: Date.now(), starts: [] };
}

async function exportAll(
  plan: RoundPlan,
  base: Base,
  stack: RoundStack,
  { runs, injected }: RoundResult,
): Promise<void> {
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const { temporal } = base;
  const { workers, disk } = stack;
  const diskHasSpace = async (): Promise<void> => {
    while (injected.some(({ kind, until }) => kind === 'diskFull' && until === Infinity)) await sleep(100);
  };
  const faults = injectAll(plan.faults, { temporal, workers, runs, disk, over: over.signal }, injected);
  await Promise.all(runs.map((run) => followExport(run, { client: temporal.client, diskHasSpace })));
  over.abort();
  await faults;
  await sleep(injected.some(({ kind }) => kind === 'workerFrozen') ? AFTERMATH : 0);
}

async function judge(run: ExportRun, injected: readonly Injected[], figures: Figures): Promise<string[]> {
  const problems = checkOutcome(run, injected);
  if (reportOf(run) !== undefined) {
    try {
      const evidence = await gatherEvidence(run, injected);
      const fetches = checkFetches(evidence);
      problems.push(
        ...(await checkFiles(evidence)),
        ...checkKickOffs(evidence),
        ...fetches.problems,
        ...checkWaits(evidence),
        ...checkDeletes(evidence),
        ...(await checkReport(evidence)),
      );
      addRun(figures, run, injected, fetches);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return problems.map((problem) => `${run.path}: ${problem}`);
}
