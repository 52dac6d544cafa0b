import { TemporalFailure, isCancellation, metricMeter } from '@temporalio/workflow';
import { Recorder } from '../telemetry/recorder.ts';
import type { ExportRequest } from '../contract.ts';
import type { GateReport } from '../gate-contract.ts';
import type { ExportState } from './state.ts';
import { WITHOUT_CODE, codeOf } from './failure.ts';

/** By the SDK's meter of workflows: nothing is recorded on replay, and history knows nothing of it. */
export const metrics = new Recorder(metricMeter);

type Named = { request: Pick<ExportRequest, 'server'>; state: Pick<ExportState, 'opened'> };

/** Name of the server for labels; what a caller sends counts only when a worker has found it in its configuration. */
export function serverOf(run: Named | undefined): string {
  return run?.state.opened === undefined ? 'unknown' : run.request.server;
}

/** Counts the end of an export that has failed or was cancelled. What fails a task, which is tried again, is no end. */
export function countFailure(run: Named | undefined, error: unknown): void {
  if (!(error instanceof TemporalFailure)) return;
  const outcome = isCancellation(error) ? 'cancelled' : (codeOf(error) ?? WITHOUT_CODE);
  metrics.count('exports_ended_total', { server: serverOf(run), outcome });
}

/** Shows how a gate stands. */
export function showGate({ server, held, waiting, downloadsNow }: GateReport, now: number): void {
  metrics.set('gate_exports', { server, slot: 'held' }, held.count);
  metrics.set('gate_exports', { server, slot: 'waiting' }, waiting.count);
  if (downloadsNow !== undefined) metrics.set('gate_downloads', { server }, downloadsNow);
  metrics.set('gate_told_seconds', { server }, now / 1000);
}
