import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup } from '../../src/programs/child.ts';
import type { ExportRun, Injected } from './export-run.ts';
import type { Hospital } from './hospital.ts';
import type { Fault, TimedFault } from './plan.ts';
import type { SmallDisk } from './small-disk.ts';
import type { DurableTemporal } from './temporal.ts';
import type { Workers } from './workers.ts';

/** What faults are done to. */
export interface Targets {
  temporal: DurableTemporal;
  workers: Workers;
  runs: readonly ExportRun[];
  disk: SmallDisk | undefined;
  /** Aborted when all exports have ended. */
  over: AbortSignal;
}

/** Seconds that a busy server asks to be left alone. */
export const BUSY_SECONDS = 2;

/**
 * Does all faults of a plan, each at its time; those whose time comes after the end of what they are for are left out.
 *
 * @param injected gets those that took place
 */
export async function injectAll(faults: readonly TimedFault[], targets: Targets, injected: Injected[]): Promise<void> {
  await Promise.all(
    faults.map(async (fault) => {
      await pause(fault.at, targets.over);
      if (!isPossible(fault, targets)) return;
      const record: Injected = { kind: fault.kind, from: Date.now(), until: Infinity };
      if ('lane' in fault) record.lane = fault.lane;
      injected.push(record);
      await inject(fault, targets);
      record.until = Date.now();
    }),
  );
}

function isPossible(fault: Fault, { workers, runs, disk, over }: Targets): boolean {
  if (over.aborted) return false;
  if ('lane' in fault) return runs[fault.lane]?.endedAt === undefined;
  if ('worker' in fault) return workers.at(fault.worker) !== undefined;
  return fault.kind !== 'diskFull' || (disk !== undefined && runs.some(isOnSmallDisk));
}

function isOnSmallDisk({ destination, endedAt }: ExportRun): boolean {
  return destination.name === 'small' && endedAt === undefined;
}

async function inject(fault: Fault, targets: Targets): Promise<void> {
  const { temporal, workers, runs, disk, over } = targets;
  if ('lane' in fault) return injectAt((runs[fault.lane] as ExportRun).hospital, fault);
  switch (fault.kind) {
    case 'workerKilled':
      await workers.kill(fault.worker);
      await sleep(fault.backAfter);
      return workers.startAgain(fault.worker);
    case 'workerFrozen': {
      const child = workers.at(fault.worker);
      if (child === undefined) return;
      killGroup(child, 'SIGSTOP');
      await pause(fault.for, over);
      return killGroup(child, 'SIGCONT');
    }
    case 'workerTerminated':
      await workers.terminate(fault.worker);
      return workers.startAgain(fault.worker);
    case 'workersUpgraded':
      return workers.upgrade();
    case 'temporalKilled':
      return temporal.crash(fault.for);
    case 'diskFull':
      await disk?.fill();
      await sleep(fault.for);
      return disk?.free();
  }
}

async function injectAt(hospital: Hospital, fault: Extract<Fault, { lane: number }>): Promise<void> {
  switch (fault.kind) {
    case 'serverDown':
      return hospital.goDown(fault.for);
    case 'serverRestarted':
      return hospital.restart(fault.for);
    case 'tokenEndpointDown':
      return hospital.tokenEndpointDown(fault.for);
    case 'fileHostDown':
      return hospital.shape.filesOrigin === 'other'
        ? hospital.goDown(fault.for, 'other')
        : hospital.filesDown(fault.for);
    case 'connectionsReset':
      return hospital.goDown(0);
    case 'bodiesBroken':
      return hospital.addFault({
        route: 'file',
        times: fault.times,
        do: { kind: 'breakBody', afterBytes: fault.afterBytes },
      });
    case 'bodyStalled':
      return hospital.addFault({ route: 'file', do: { kind: 'stall', afterBytes: fault.afterBytes } });
    case 'serverBusy':
      return hospital.addFault({
        route: fault.route,
        do: { kind: 'answer', status: 503, headers: { 'Retry-After': String(BUSY_SECONDS) } },
      });
    case 'linksExpired':
      return hospital.expireLinks(fault.status);
    case 'tokensRevoked':
      return hospital.authServer.revokeAll();
    case 'kickOffLost':
      return hospital.addFault({ route: 'kickOff', do: { kind: 'dropAfterEffect' } });
  }
}

/** Waits, but not beyond the end of the round. */
async function pause(time: number, over: AbortSignal): Promise<void> {
  await sleep(time, undefined, { signal: over }).catch(() => {});
}
