import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedExport } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { checkDestination } from './destination.ts';
import type { HistoryFigures } from './histories.ts';
import { measureHistories } from './histories.ts';
import type { Shape } from './shape.ts';
import { folderOf } from './shape.ts';
import type { Stage } from './stage.ts';
import { openStage } from './stage.ts';

/** What Temporal warns of; it ends a run at five times as much. */
const MOST_EVENTS = 10_240;
const MOST_BYTES = 10 * 1024 * 1024;
/** The project's own limits. */
const BIGGEST_PAYLOAD = 64 * 1024;
const MOST_PENDING = 65;

export interface Scenario {
  name: string;
  shape: Shape;
  /** Exports that are started at once. */
  exports: number;
  workers: number;
  /** Megabytes that a worker may take. */
  mostMemory: number;
}

/** What a scenario took; of several exports the one that took most. */
export interface Figures extends HistoryFigures, SmallExports {
  name: string;
  files: number;
  seconds: number;
  eventsPer1000Files: number;
  /** Activities that were pending at once: most of a run's mutable state. */
  mostPending: number;
  /** Megabytes of resident memory of the largest worker. */
  peakMemory: number;
}

/** Seconds that exports of ten files took which were started in the middle of the large ones. */
interface SmallExports {
  /** From another server. */
  smallElsewhere: number;
  /** From the same server: until it had its manifest, and until it was done. */
  smallManifest: number;
  smallSameServer: number;
}

const SMALL: Shape = { files: 10, pages: 1, urlLength: 0 };

/**
 * Runs exports to their end, and small ones in the middle of them.
 *
 * @throws AssertionError when a file is not right or a limit is not kept
 */
export async function runScenario(cli: string, scenario: Scenario): Promise<Figures> {
  const { name, shape, exports, workers } = scenario;
  const stage = await openStage(cli, { large: shape, small: SMALL }, workers);
  const ids = Array.from({ length: exports }, (_, one) => `large-${one}`);
  try {
    const began = performance.now();
    const large = await Promise.all(ids.map((id) => start(stage, { server: 'large' }, id)));
    const [reports, small, mostPending] = await Promise.all([
      Promise.all(large.map((one) => one.result())).then((all) => ({ all, seconds: since(began) })),
      runSmallExports(stage, large[0] as StartedExport),
      watchPending(large[0] as StartedExport),
    ]);
    for (const { location } of reports.all) await checkDestination(location, shape);
    const histories = await Promise.all(ids.map((id) => measureHistories(stage.client, id)));
    const events = histories.reduce((sum, one) => sum + one.events, 0);
    const figures: Figures = {
      ...worst(histories),
      ...small,
      name,
      files: shape.files * exports,
      seconds: reports.seconds,
      eventsPer1000Files: Math.round((1000 * events) / (shape.files * exports)),
      mostPending,
      peakMemory: Math.round(stage.peakMemory()),
    };
    check(figures, scenario, stage);
    return figures;
  } finally {
    await stage.close();
  }
}

function check(figures: Figures, { exports, mostMemory }: Scenario, { fhir }: Stage): void {
  const { mostEvents, mostBytes, biggestPayload, mostPending, peakMemory } = figures;
  assert.equal(fhir.counts.kickOff, exports + 2, 'kick-offs');
  assert.equal(fhir.counts.delete, exports + 2, 'jobs that were deleted');
  assert.ok(mostEvents < MOST_EVENTS, `a history of ${mostEvents} events`);
  assert.ok(mostBytes < MOST_BYTES, `a history of ${mostBytes} bytes`);
  assert.ok(biggestPayload < BIGGEST_PAYLOAD, `a payload of ${biggestPayload} bytes`);
  assert.ok(mostPending <= MOST_PENDING, `${mostPending} pending activities`);
  assert.ok(peakMemory < mostMemory, `a worker of ${peakMemory} MB`);
}

function worst(histories: readonly HistoryFigures[]): HistoryFigures {
  const most = (of: (one: HistoryFigures) => number): number => Math.max(...histories.map(of));
  return {
    runs: most(({ runs }) => runs),
    events: most(({ events }) => events),
    mostEvents: most(({ mostEvents }) => mostEvents),
    mostBytes: most(({ mostBytes }) => mostBytes),
    biggestPayload: most(({ biggestPayload }) => biggestPayload),
    poll: most(({ poll }) => poll),
    settle: most(({ settle }) => settle),
  };
}

function start(
  { client }: Stage,
  { server, groupId }: Pick<ExportRequest, 'server' | 'groupId'>,
  workflowId: string,
): Promise<StartedExport> {
  const level = groupId === undefined ? { level: 'system' as const } : { level: 'group' as const, groupId };
  return startExport(client, { server, ...level, destination: { path: workflowId } }, { workflowId });
}

async function runSmallExports(stage: Stage, large: StartedExport): Promise<SmallExports> {
  while (((await large.progress()).files?.done ?? 0) < 100) await sleep(100);
  const began = performance.now();
  await (await start(stage, { server: 'small' }, 'small-elsewhere')).result();
  const smallElsewhere = since(began);

  const beganSame = performance.now();
  const same = await start(stage, { server: 'large', groupId: folderOf(SMALL) }, 'small-same-server');
  while ((await same.progress()).files === undefined) await sleep(50);
  const smallManifest = since(beganSame);
  await same.result();
  return { smallElsewhere, smallManifest, smallSameServer: since(beganSame) };
}

async function watchPending({ handle }: StartedExport): Promise<number> {
  let most = 0;
  for (;;) {
    const { raw, status } = await handle.describe();
    if (status.name !== 'RUNNING') return most;
    most = Math.max(most, raw.pendingActivities?.length ?? 0);
    await sleep(500);
  }
}

function since(began: number): number {
  return Math.round((performance.now() - began) / 100) / 10;
}
