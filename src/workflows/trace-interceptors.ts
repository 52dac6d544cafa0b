import { defaultPayloadConverter } from '@temporalio/common';
import type { Headers, WorkflowInterceptors } from '@temporalio/workflow';
import { ContinueAsNew, TemporalFailure, isCancellation, proxySinks, workflowInfo } from '@temporalio/workflow';
import { EXPORT_GATE } from '../gate-contract.ts';
import type { TraceSinks } from '../telemetry/ended-run.ts';
import type { TraceContext } from '../telemetry/trace-context.ts';
import { TRACE_HEADER, fromCarrier, parentOfRun, spanOfRun, toCarrier } from '../telemetry/trace-context.ts';
import { WITHOUT_CODE, codeOf } from './failure.ts';

const { bulkExportTraces } = proxySinks<TraceSinks>();

/**
 * Has a workflow pass the trace that it is a part of on to its activities, children, operations of Nexus and next run, and
 * tell when it ends.
 * Only in bundles of workers that export traces.
 *
 * A workflow does the same with and without it, so that either can replay what the other began: nothing is awaited or put
 * between a promise and who waits for it, and no random number is drawn. Those of the SDK do both, and replay only what
 * ran with them.
 */
export function interceptors(): WorkflowInterceptors {
  let caller: TraceContext | undefined;
  let run: TraceContext | undefined;
  return {
    inbound: [
      {
        execute(input, next) {
          const info = workflowInfo();
          caller = read(input.headers);
          // A gate lives for ever, and serves all exports of its server.
          if (caller !== undefined || info.workflowType !== EXPORT_GATE) run = spanOfRun(info, caller);
          const result = next(input);
          if (run !== undefined) {
            const tell = teller(run, parentOfRun(info, caller));
            result.then(() => tell(), tell);
          }
          return result;
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next({ ...input, headers: withTrace(input.headers, run) }),
        startChildWorkflowExecution: (input, next) => next({ ...input, headers: withTrace(input.headers, run) }),
        // As in HTTP, and as the interceptors of Temporal itself do it (Go, Python, TypeScript).
        startNexusOperation: (input, next) =>
          next({ ...input, headers: { ...(run === undefined ? {} : toCarrier(run)), ...input.headers } }),
        // All runs of a chain are of the same trace, one beside the other.
        continueAsNew: (input, next) => next({ ...input, headers: withTrace(input.headers, caller) }),
      },
    ],
  };
}

/** Those of a caller may be of any program. */
function read(headers: Headers): TraceContext | undefined {
  try {
    const payload = headers[TRACE_HEADER];
    return payload === undefined ? undefined : fromCarrier(defaultPayloadConverter.fromPayload(payload));
  } catch {
    return undefined;
  }
}

/** Another interceptor, such as one of the SDK's, may have written the header already. */
function withTrace(headers: Headers, context: TraceContext | undefined): Headers {
  if (context === undefined) return headers;
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload(toCarrier(context)), ...headers };
}

/** Tells the end of a run. What fails a task, which is tried again, is no end. */
function teller(context: TraceContext, parent: TraceContext | undefined): (error?: unknown) => void {
  return (error) => {
    const isFailure = error instanceof TemporalFailure;
    if (error !== undefined && !isFailure && !(error instanceof ContinueAsNew)) return;
    const { workflowType, runId, runStartTime } = workflowInfo();
    bulkExportTraces.runEnded({
      workflowType,
      runId,
      context,
      parent,
      startedAt: runStartTime.getTime(),
      endedAt: Date.now(),
      ...(isFailure ? { error: isCancellation(error) ? 'cancelled' : (codeOf(error) ?? WITHOUT_CODE) } : {}),
    });
  };
}
