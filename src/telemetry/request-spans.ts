import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import type { Exchanged, OnExchanged } from '../http/messages.ts';
import { tracer } from './otel-context.ts';

/**
 * Has a request become a span of what this code runs for, once it is over; undefined where that is not traced. Call it
 * when the request begins.
 */
export function requestSpans(): OnExchanged | undefined {
  const parent = context.active();
  if (trace.getSpan(parent)?.isRecording() !== true) return undefined;
  return ({ what, startedAt, endedAt, ...exchanged }: Exchanged) => {
    const span = tracer.startSpan(
      what,
      { kind: SpanKind.CLIENT, startTime: startedAt, attributes: attributesOf({ what, ...exchanged }) },
      parent,
    );
    if (exchanged.error !== undefined || (exchanged.status ?? 0) >= 400) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endedAt);
  };
}

/** All that is told of a request, by the names of OpenTelemetry where it has some. */
function attributesOf({
  server,
  what,
  method,
  host,
  port,
  status,
  bytes,
  error,
}: Omit<Exchanged, 'startedAt' | 'endedAt'>): Record<string, string | number> {
  const errorType = error ?? ((status ?? 0) >= 400 ? String(status) : undefined);
  return {
    'fhir.server': server,
    'fhir.request': what,
    'http.request.method': method,
    'server.address': host,
    'server.port': port,
    ...(status === undefined ? {} : { 'http.response.status_code': status, 'http.response.body.size': bytes }),
    ...(errorType === undefined ? {} : { 'error.type': errorType }),
  };
}
