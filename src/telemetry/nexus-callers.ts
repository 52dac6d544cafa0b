import { context } from '@opentelemetry/api';
import type { NexusInterceptors } from '@temporalio/worker';
import { contextOf } from './otel-context.ts';
import { fromCarrier } from './trace-context.ts';

/**
 * Interceptors by which an operation of Nexus is a part of its caller's trace. Its headers name the caller's span as those
 * of HTTP do (W3C Trace Context), and as the interceptors of Temporal itself write them (Go, Python, TypeScript).
 */
export function nexusCallers(): NexusInterceptors {
  return {
    inbound: {
      startOperation(input, next) {
        const caller = fromCarrier(input.ctx.headers);
        return caller === undefined ? next(input) : context.with(contextOf(caller), () => next(input));
      },
    },
  };
}
