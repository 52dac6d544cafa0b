import type { Context } from '@opentelemetry/api';
import { ROOT_CONTEXT, createTraceState, isSpanContextValid, trace } from '@opentelemetry/api';
import type { Headers } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';
import type { TraceContext } from './trace-context.ts';
import { TRACE_HEADER, fromCarrier, toCarrier } from './trace-context.ts';

/** Of all spans of ours: by the tracer provider that the process has registered, else they are none. */
export const tracer = trace.getTracer('fhir-bulk-export');

/** A context of OpenTelemetry whose spans have this parent; default: none. */
export function contextOf(parent: TraceContext | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags, state } = parent;
  const traceState = state === undefined ? {} : { traceState: createTraceState(state) };
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true, ...traceState });
}

/** The span of a context of OpenTelemetry, as others name it; undefined where there is none. */
export function spanIn(context: Context): TraceContext | undefined {
  const span = trace.getSpanContext(context);
  if (span === undefined || !isSpanContextValid(span)) return undefined;
  const { traceId, spanId, traceFlags, traceState } = span;
  const state = traceState?.serialize() ?? '';
  return { traceId, spanId, flags: traceFlags, ...(state === '' ? {} : { state }) };
}

/** What Temporal's headers say; undefined when they name no span. */
export function readHeaders(headers: Headers): TraceContext | undefined {
  const payload = headers[TRACE_HEADER];
  return payload === undefined ? undefined : fromCarrier(defaultPayloadConverter.fromPayload(payload));
}

/** Headers of Temporal with a span in them, unless there is one already. */
export function writeHeaders(headers: Headers, span: TraceContext | undefined): Headers {
  if (span === undefined) return headers;
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload(toCarrier(span)), ...headers };
}
