import type { TraceContext } from './trace-context.ts';

/** A run of a workflow that has ended, as the workflow tells the worker that makes a span of it. */
export interface EndedRun {
  workflowType: string;
  runId: string;
  context: TraceContext;
  parent: TraceContext | undefined;
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt: number;
  /** Code of its failure. */
  error?: string;
}

/** The sink by which workflows tell it; a `type`, because the SDK wants an index signature. */
export type TraceSinks = {
  bulkExportTraces: { runEnded(run: EndedRun): void };
};
