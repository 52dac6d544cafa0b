import type { Fetches } from './checks/fetches.ts';
import type { ExportRun, Injected } from './export-run.ts';
import { faultsOf } from './export-run.ts';
import type { FaultKind } from './plan.ts';
import { FAULT_KINDS } from './plan.ts';

/** What a number of runs came to. */
export interface Figures {
  runs: number;
  /** Starts beyond the first, by the failure that asked for them. */
  startedAgain: Record<string, number>;
  faults: Record<string, number>;
  /** Runs that a fault of the kind could touch. */
  touched: Record<string, number>;
  warnings: Record<string, number>;
  files: number;
  bytes: number;
  sent: number;
  again: { resumable: number; others: number };
  breaks: number;
  resumed: number;
  /** Milliseconds: the longest time in which an export requested nothing, and the faults of its round. */
  standstill: { time: number; kinds: string[] };
  longestRun: number;
  seconds: number;
}

export function newFigures(): Figures {
  return {
    runs: 0,
    startedAgain: {},
    faults: {},
    touched: {},
    warnings: {},
    files: 0,
    bytes: 0,
    sent: 0,
    again: { resumable: 0, others: 0 },
    breaks: 0,
    resumed: 0,
    standstill: { time: 0, kinds: [] },
    longestRun: 0,
    seconds: 0,
  };
}

/** Adds the faults of a round. */
export function addFaults(figures: Figures, injected: readonly Injected[]): void {
  for (const { kind } of injected) addOne(figures.faults, kind);
}

/** Adds a run that has ended. */
export function addRun(figures: Figures, run: ExportRun, injected: readonly Injected[], fetches: Fetches): void {
  const report = run.starts.at(-1)?.report;
  figures.runs++;
  for (const { failure } of run.starts.slice(0, -1)) addOne(figures.startedAgain, failure?.code ?? '');
  const kinds = [...new Set(faultsDuring(run, injected).map(({ kind }) => kind))];
  for (const kind of kinds) addOne(figures.touched, kind);
  for (const { code } of report?.warnings ?? []) addOne(figures.warnings, code);
  figures.files += report?.files ?? 0;
  figures.bytes += report?.bytes ?? 0;
  figures.sent += fetches.sent;
  figures.again.resumable += fetches.again.resumable;
  figures.again.others += fetches.again.others;
  figures.breaks += fetches.breaks;
  figures.resumed += fetches.resumed;
  figures.longestRun = Math.max(figures.longestRun, (run.endedAt ?? 0) - run.startedAt);
  const time = longestStandstill(run);
  if (time > figures.standstill.time) figures.standstill = { time, kinds };
}

function faultsDuring(run: ExportRun, injected: readonly Injected[]): Injected[] {
  const { startedAt, endedAt = Infinity } = run;
  return faultsOf(run, injected).filter(({ from, until }) => from <= endedAt && until >= startedAt);
}

/** Longest time in a run in which no request was under way. */
function longestStandstill({ hospital, startedAt, endedAt = Date.now() }: ExportRun): number {
  let quietSince = startedAt;
  let longest = 0;
  for (const { at, closedAt = at } of hospital.requests) {
    longest = Math.max(longest, Math.min(at, endedAt) - quietSince);
    quietSince = Math.max(quietSince, closedAt);
  }
  return Math.max(longest, endedAt - quietSince);
}

function addOne(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

const WORDS: Record<FaultKind, string> = {
  workerKilled: 'worker killed (SIGKILL)',
  workerFrozen: 'worker frozen (SIGSTOP, later SIGCONT)',
  workerTerminated: 'worker stopped (SIGTERM)',
  workersUpgraded: 'all workers replaced by another build',
  temporalKilled: 'Temporal server killed and started again on its database',
  serverDown: 'FHIR server down and back',
  serverRestarted: 'FHIR server restarted with its state file',
  tokenEndpointDown: 'token endpoint down and back',
  fileHostDown: 'file host down and back',
  connectionsReset: 'all connections cut at once',
  bodiesBroken: 'bodies cut in the middle',
  bodyStalled: 'a body that stalls',
  serverBusy: '503 with `Retry-After`',
  linksExpired: 'links to files expired',
  tokensRevoked: 'all tokens revoked',
  kickOffLost: 'answer to the kick-off lost',
  diskFull: 'disk full',
};

/** The figures as Markdown tables. */
export function describeFigures(figures: Figures): string {
  const { faults, touched } = figures;
  const count = (number: number): string => number.toLocaleString('en');
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const seconds = (time: number): string => `${(time / 1000).toFixed(1)} s`;
  const list = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([code, times]) => `\`${code}\` ${times}`)
      .join(', ') || 'none';
  const share = ((100 * figures.again.resumable) / Math.max(1, figures.sent)).toFixed(1);
  return [
    '| fault | injected | runs under way |',
    '| --- | ---: | ---: |',
    ...FAULT_KINDS.map((kind) => `| ${WORDS[kind]} | ${faults[kind] ?? 0} | ${touched[kind] ?? 0} |`),
    '',
    '| figure | |',
    '| --- | ---: |',
    `| runs, all complete and correct byte for byte | ${count(figures.runs)} |`,
    `| faults | ${count(Object.values(faults).reduce((sum, times) => sum + times, 0))} |`,
    `| started again with the same request, after | ${list(figures.startedAgain)} |`,
    `| warnings in reports | ${list(figures.warnings)} |`,
    `| files, bytes stored | ${count(figures.files)}, ${megabytes(figures.bytes)} |`,
    `| transfers that broke and could be resumed; requests that resumed one | ${count(figures.breaks)}, ${count(figures.resumed)} |`,
    `| of those, bytes downloaded again | ${megabytes(figures.again.resumable)} (${share} % of all bytes sent) |`,
    `| bytes downloaded again of compressed transfers, which start again | ${megabytes(figures.again.others)} |`,
    `| longest time in which an export requested nothing | ${seconds(figures.standstill.time)} (${figures.standstill.kinds.join(', ')}) |`,
    `| longest run | ${seconds(figures.longestRun)} |`,
    `| total | ${Math.floor(figures.seconds / 60)} min ${Math.round(figures.seconds % 60)} s |`,
  ].join('\n');
}
