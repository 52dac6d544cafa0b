import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientInterceptors, WorkflowClientInterceptor } from '@temporalio/client';
import type { ActivityInterceptorsFactory, NexusInterceptorsFactory, WorkerOptions } from '@temporalio/worker';
import { passTracesOn } from '../client/trace-starts.ts';
import { activitySpans } from '../telemetry/activity-spans.ts';
import { nexusCallers } from '../telemetry/nexus-callers.ts';
import { runSpans } from '../telemetry/run-spans.ts';

/** What a worker needs that makes spans, in the form of the SDK's own options. */
export interface TraceOptions {
  interceptors: {
    workflowModules: string[];
    activity: ActivityInterceptorsFactory[];
    nexus: NexusInterceptorsFactory[];
    client: { workflow: WorkflowClientInterceptor[] };
  };
  sinks: NonNullable<WorkerOptions['sinks']>;
}

/**
 * Interceptors and sinks with which runs of workflows and attempts at activities become spans of the process's tracer
 * provider. A bundle of workflows needs the same `workflowModules`, as its `workflowInterceptorModules`.
 */
export function traceOptions(): TraceOptions {
  const path = `../workflows/trace-interceptors${extname(import.meta.url)}`;
  return {
    interceptors: {
      workflowModules: [fileURLToPath(new URL(path, import.meta.url))],
      activity: [activitySpans],
      nexus: [nexusCallers],
      client: { workflow: [passTracesOn()] },
    },
    sinks: runSpans,
  };
}

type Given = { [Key in 'interceptors' | 'sinks']?: WorkerOptions[Key] | undefined };

/**
 * Interceptors and sinks of a worker, with those that make spans where they are wanted.
 *
 * @param isBundled the worker has a bundle of workflows already, whose interceptors are in it
 */
export function interceptorsAndSinks(
  { interceptors, sinks, traces = false }: Given & { traces?: boolean | undefined },
  isBundled: boolean,
): Pick<WorkerOptions, 'interceptors' | 'sinks'> {
  const given = {
    ...(interceptors === undefined ? {} : { interceptors }),
    ...(sinks === undefined ? {} : { sinks }),
  };
  if (!traces) return given;
  const ours = traceOptions();
  const modules = isBundled ? [] : ours.interceptors.workflowModules;
  return {
    interceptors: {
      ...interceptors,
      client: withClient(interceptors?.client, ours.interceptors.client),
      activity: [...(interceptors?.activity ?? []), ...ours.interceptors.activity],
      nexus: [...(interceptors?.nexus ?? []), ...ours.interceptors.nexus],
      workflowModules: [...(interceptors?.workflowModules ?? []), ...modules],
    },
    sinks: { ...sinks, ...ours.sinks },
  };
}

/** Those of the SDK's old form, which is no list, stay alone. */
function withClient(given: ClientInterceptors = {}, ours: TraceOptions['interceptors']['client']): ClientInterceptors {
  const { workflow = [] } = given;
  return Array.isArray(workflow) ? { ...given, workflow: [...workflow, ...ours.workflow] } : given;
}
