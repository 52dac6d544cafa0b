import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import type { Headers, WorkflowClientInterceptor } from '@temporalio/client';
import { contextOf, spanIn, tracer, writeHeaders } from '../telemetry/otel-context.ts';
import { TRACE_HEADER, fromCarrier } from '../telemetry/trace-context.ts';

/**
 * Interceptor for a client of Temporal: a workflow that it starts becomes a part of the trace of the active span.
 *
 * @param traceparent names the span to take where none is active, as in W3C Trace Context. Default: the workflow begins a
 *   trace of its own
 */
export function traceStarts(traceparent?: string): WorkflowClientInterceptor {
  const given = fromCarrier({ traceparent });
  return {
    startWithDetails: (input, next) =>
      inSpan(given, input.workflowType, (headers) => next({ ...input, headers: headers(input.headers) })),
    signalWithStart: (input, next) =>
      inSpan(given, input.workflowType, (headers) => next({ ...input, headers: headers(input.headers) })),
    startUpdateWithStart: (input, next) =>
      inSpan(given, input.workflowType, (headers) =>
        next({ ...input, workflowStartHeaders: headers(input.workflowStartHeaders) }),
      ),
  };
}

/**
 * The same for the client of a worker, which begins no traces: a workflow that is started in one becomes a part of it, such
 * as by an operation of Nexus. Gates begin by a signal, and belong to no export.
 */
export function passTracesOn(): WorkflowClientInterceptor {
  return {
    startWithDetails(input, next) {
      // Another interceptor may have done it already.
      if (spanIn(context.active()) === undefined || input.headers[TRACE_HEADER] !== undefined) return next(input);
      return inSpan(undefined, input.workflowType, (headers) => next({ ...input, headers: headers(input.headers) }));
    },
  };
}

/** @param start is given what adds the span to Temporal's headers */
async function inSpan<T>(
  given: ReturnType<typeof fromCarrier>,
  workflowType: string,
  start: (headers: (headers: Headers) => Headers) => Promise<T>,
): Promise<T> {
  const active = context.active();
  const parent = spanIn(active) === undefined ? contextOf(given) : active;
  const span = tracer.startSpan(`StartWorkflow:${workflowType}`, { kind: SpanKind.CLIENT }, parent);
  try {
    return await start((headers) => writeHeaders(headers, spanIn(trace.setSpan(parent, span))));
  } catch (error) {
    // Its kind alone: messages may quote what was sent.
    span.setAttribute('error.type', error instanceof Error ? error.name : 'other');
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
