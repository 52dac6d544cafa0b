import type { ExportReport } from '../../src/contract.ts';
import type { ChaosDestination } from './destination.ts';
import type { Hospital } from './hospital.ts';

/** One workflow of an export. */
export interface Start {
  workflowId: string;
  startedAt: number;
  endedAt: number;
  report?: ExportReport;
  failure?: { code: string; message: string };
}

/** An export of a round from its first start to its end: what the assertions look at. */
export interface ExportRun {
  /** Of the run in its round, from 0. */
  lane: number;
  hospital: Hospital;
  /** Name in the configuration, and the place itself. */
  destination: { name: string; place: ChaosDestination };
  /** Below the destination. */
  path: string;
  startedAt: number;
  /** Absent while it runs. */
  endedAt?: number;
  /** All starts; more than one when something had to be mended first. */
  starts: Start[];
}

/** The report with which it ended well. */
export function reportOf({ starts }: ExportRun): ExportReport | undefined {
  return starts.at(-1)?.report;
}

/** A fault that took place. */
export interface Injected {
  kind: string;
  /** Of one export; otherwise of all. */
  lane?: number;
  /** Milliseconds since the epoch. */
  from: number;
  until: number;
}

/** The faults that could touch a run. */
export function faultsOf(run: ExportRun, injected: readonly Injected[]): Injected[] {
  return injected.filter(({ kind, lane }) =>
    kind === 'diskFull' ? run.destination.name === 'small' : lane === undefined || lane === run.lane,
  );
}
