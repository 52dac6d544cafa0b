import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientInterceptors, WorkflowClientInterceptor } from '@temporalio/client';
import type {
  ActivityInterceptorsFactory,
  NexusInterceptorsFactory,
  WorkerInterceptors,
  WorkerOptions,
} from '@temporalio/worker';
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

/**
 * Modules that belong in every bundle of our workflows, as its `workflowInterceptorModules`, or among the
 * `interceptors.workflowModules` of a worker that bundles them itself. Without them a query that comes soon after a worker
 * was killed can make a run fail for ever.
 */
export const workflowInterceptorModules = [
  fileURLToPath(new URL(`../workflows/query-guard${extname(import.meta.url)}`, import.meta.url)),
];

type Given = { [Key in 'interceptors' | 'sinks']?: WorkerOptions[Key] | undefined };

/**
 * Interceptors and sinks of a worker: its own, those that every worker needs, and those that make spans where they are
 * wanted.
 *
 * @param isBundled the worker has a bundle of workflows already, whose interceptors are in it
 */
export function interceptorsAndSinks(
  { interceptors, sinks, traces = false }: Given & { traces?: boolean | undefined },
  isBundled: boolean,
): Pick<WorkerOptions, 'interceptors' | 'sinks'> {
  const modules = isBundled ? [] : workflowInterceptorModules;
  const all = withModules(interceptors, modules);
  if (!traces)
    return { ...(all === undefined ? {} : { interceptors: all }), ...(sinks === undefined ? {} : { sinks }) };
  const ours = traceOptions();
  return {
    interceptors: {
      ...withModules(all, isBundled ? [] : ours.interceptors.workflowModules),
      client: withClient(interceptors?.client, ours.interceptors.client),
      activity: [...(interceptors?.activity ?? []), ...ours.interceptors.activity],
      nexus: [...(interceptors?.nexus ?? []), ...ours.interceptors.nexus],
    },
    sinks: { ...sinks, ...ours.sinks },
  };
}

function withModules(
  given: WorkerInterceptors | undefined,
  modules: readonly string[],
): WorkerInterceptors | undefined {
  if (modules.length === 0) return given;
  return { ...given, workflowModules: [...(given?.workflowModules ?? []), ...modules] };
}

/** Those of the SDK's old form, which is no list, stay alone. */
function withClient(given: ClientInterceptors = {}, ours: TraceOptions['interceptors']['client']): ClientInterceptors {
  const { workflow = [] } = given;
  return Array.isArray(workflow) ? { ...given, workflow: [...workflow, ...ours.workflow] } : given;
}
