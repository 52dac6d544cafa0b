import { randomBytes } from 'node:crypto';
import { SpanStatusCode } from '@opentelemetry/api';
import type { InjectedSinks } from '@temporalio/worker';
import type { TraceSinks } from './ended-run.ts';
import type { TraceContext } from './trace-context.ts';
import { contextOf, tracer } from './otel-context.ts';

/** The span that is being started, if others know its ids already. */
let known: TraceContext | undefined;

/**
 * Ids of spans: for the `idGenerator` of the tracer provider that exports ours. Activities name the span of their
 * workflow's run as the parent, long before the run ends and its span is made; with another generator it is missing there.
 */
export const traceIds = {
  generateTraceId: (): string => known?.traceId ?? randomBytes(16).toString('hex'),
  generateSpanId: (): string => known?.spanId ?? randomBytes(8).toString('hex'),
};

/** Sinks that make a span of each run of a workflow, when it ends. */
export const runSpans: InjectedSinks<TraceSinks> = {
  bulkExportTraces: {
    runEnded: {
      fn(_info, { workflowType, runId, context, parent, startedAt, endedAt, error }) {
        const attributes = { temporalRunID: runId, ...(error === undefined ? {} : { 'error.type': error }) };
        known = context;
        try {
          const options = { startTime: startedAt, attributes };
          const span = tracer.startSpan(`RunWorkflow:${workflowType}`, options, contextOf(parent));
          if (error !== undefined && error !== 'cancelled') span.setStatus({ code: SpanStatusCode.ERROR });
          span.end(endedAt);
        } finally {
          known = undefined;
        }
      },
    },
  },
};
