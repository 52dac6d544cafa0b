import { Chance } from './chance.ts';
import type { Shape } from './shape.ts';
import { drawShape } from './shape.ts';

/** Something that goes wrong. `worker` and `lane` (an export and its FHIR server) count from 0; times are milliseconds. */
export type Fault =
  /** SIGKILL, and another worker after a while. */
  | { kind: 'workerKilled'; worker: number; backAfter: number }
  /** SIGSTOP, and SIGCONT after a while. */
  | { kind: 'workerFrozen'; worker: number; for: number }
  /** SIGTERM, and another worker when it has ended. */
  | { kind: 'workerTerminated'; worker: number }
  /** Workers of another build take the place of all. */
  | { kind: 'workersUpgraded' }
  /** SIGKILL, and started again on its database. */
  | { kind: 'temporalKilled'; for: number }
  /** Both ports closed, connections cut. */
  | { kind: 'serverDown'; lane: number; for: number }
  /** Another process in effect: only what the state file holds is left. */
  | { kind: 'serverRestarted'; lane: number; for: number }
  | { kind: 'tokenEndpointDown'; lane: number; for: number }
  | { kind: 'fileHostDown'; lane: number; for: number }
  /** All connections at this moment, in the middle of bodies. */
  | { kind: 'connectionsReset'; lane: number }
  | { kind: 'bodiesBroken'; lane: number; times: number; afterBytes: number }
  /** A body that stops with its connection open. */
  | { kind: 'bodyStalled'; lane: number; afterBytes: number }
  /** 503 with `Retry-After`. */
  | { kind: 'serverBusy'; lane: number; route: 'kickOff' | 'status' | 'file' }
  | { kind: 'linksExpired'; lane: number; status: 403 | 404 | 410 }
  | { kind: 'tokensRevoked'; lane: number }
  /** The job exists, and the connection is cut instead of telling where. */
  | { kind: 'kickOffLost'; lane: number }
  /** No space left at the destination `small`. */
  | { kind: 'diskFull'; for: number };

export type FaultKind = Fault['kind'];

/** Milliseconds after the start of the exports. */
export type TimedFault = Fault & { at: number };

/** All that a round is: it follows from the seed alone. */
export interface RoundPlan {
  seed: number;
  workers: number;
  /** Exports that run at once, each with a FHIR server of its own. */
  shapes: Shape[];
  /** By time. */
  faults: TimedFault[];
}

/** Faults of processes that all exports share; the more frequent ones stand there more than once. */
const SHARED: readonly FaultKind[] = [
  'workerKilled',
  'workerKilled',
  'workerKilled',
  'workerFrozen',
  'workerTerminated',
  'workersUpgraded',
  'temporalKilled',
  'temporalKilled',
];
/** Faults of one export's FHIR server. */
const OWN: readonly FaultKind[] = [
  'serverDown',
  'serverRestarted',
  'tokenEndpointDown',
  'fileHostDown',
  'connectionsReset',
  'bodiesBroken',
  'bodyStalled',
  'serverBusy',
  'linksExpired',
  'tokensRevoked',
  'kickOffLost',
];
export const FAULT_KINDS: readonly FaultKind[] = [...new Set(SHARED), ...OWN, 'diskFull'];

/** Exports that run at once. */
export const LANES = 8;

export function planRound(seed: number, lanes = LANES): RoundPlan {
  const chance = new Chance(seed);
  const workers = chance.between(2, 3);
  const shapes = Array.from({ length: lanes }, () => drawShape(chance));
  const faults: TimedFault[] = [];
  const sharedTimes = chance.between(1, 3);
  for (let times = 0; times < sharedTimes; times++) {
    faults.push({
      ...drawFault(chance, chance.pick(SHARED), { worker: chance.between(0, workers - 1), lane: 0 }),
      at: chance.between(300, 7000),
    });
  }
  for (let lane = 0; lane < lanes; lane++) {
    const ownTimes = chance.between(0, 2);
    for (let times = 0; times < ownTimes; times++) {
      const fault = drawFault(chance, chance.pick(OWN), { worker: 0, lane });
      const early = fault.kind === 'kickOffLost' || (fault.kind === 'serverBusy' && fault.route === 'kickOff');
      const at = chance.between(300, 6000);
      faults.push({ ...fault, at: early ? 0 : at });
    }
  }
  if (chance.happens(0.3))
    faults.push({ kind: 'diskFull', for: chance.between(1500, 4000), at: chance.between(1500, 5000) });
  return { seed, workers, shapes, faults: faults.sort((one, other) => one.at - other.at) };
}

function drawFault(chance: Chance, kind: FaultKind, { worker, lane }: { worker: number; lane: number }): Fault {
  switch (kind) {
    case 'workerKilled':
      return { kind, worker, backAfter: chance.between(100, 2500) };
    case 'workerFrozen':
      return { kind, worker, for: chance.between(500, 13_000) };
    case 'workerTerminated':
      return { kind, worker };
    case 'workersUpgraded':
      return { kind };
    case 'temporalKilled':
      // Above about 8 s, reports of completed activities are lost.
      return { kind, for: chance.happens(0.2) ? chance.between(9000, 12_000) : chance.between(50, 4000) };
    case 'serverDown':
    case 'serverRestarted':
    case 'tokenEndpointDown':
    case 'fileHostDown':
      return { kind, lane, for: chance.between(100, 4000) };
    case 'bodiesBroken':
      return { kind, lane, times: chance.between(1, 6), afterBytes: chance.between(0, 40_000) };
    case 'bodyStalled':
      return { kind, lane, afterBytes: chance.between(0, 20_000) };
    case 'serverBusy':
      return { kind, lane, route: chance.pick(['kickOff', 'status', 'file']) };
    case 'linksExpired':
      return { kind, lane, status: chance.pick([403, 404, 410]) };
    case 'connectionsReset':
    case 'tokensRevoked':
    case 'kickOffLost':
      return { kind, lane };
    case 'diskFull':
      return { kind, for: chance.between(1500, 4000) };
  }
}
