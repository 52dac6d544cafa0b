import { SpanStatusCode, context, trace } from '@opentelemetry/api';
import type { Context as ActivityContext } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { contextOf, readHeaders, tracer } from './otel-context.ts';

/** Interceptor that makes a span of each attempt at an activity of a workflow that is traced. */
export function activitySpans({ info }: ActivityContext): ActivityInterceptors {
  return {
    inbound: {
      async execute(input, next) {
        const caller = readHeaders(input.headers);
        if (caller === undefined) return next(input);
        const parent = contextOf(caller);
        const { activityType, attempt, workflowExecution } = info;
        const runId = workflowExecution?.runId;
        // No id of the workflow: the caller has made it, of whatever they like.
        const attributes = { 'temporal.attempt': attempt, ...(runId === undefined ? {} : { temporalRunID: runId }) };
        const span = tracer.startSpan(`RunActivity:${activityType}`, { attributes }, parent);
        try {
          return await context.with(trace.setSpan(parent, span), () => next(input));
        } catch (error) {
          // Its code alone: messages name files and hosts, and quote servers.
          span.setAttribute('error.type', typeOf(error));
          if (!(error instanceof CancelledFailure)) span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      },
    },
  };
}

function typeOf(error: unknown): string {
  if (error instanceof CancelledFailure) return 'cancelled';
  return (error instanceof ApplicationFailure ? error.type : undefined) ?? 'failed';
}
