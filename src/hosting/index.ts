/**
 * `fhir-bulk-export/worker`: all that a service needs to host exports in workers of its own. Nothing here installs the
 * SDK's `Runtime` or handles signals.
 */
export type { WorkersOptions } from '../create-workers.ts';
export { createWorkers } from '../create-workers.ts';
export type { ActivitiesOptions, ExportActivities } from './create-activities.ts';
export { createActivities } from './create-activities.ts';
export { createFileWorkers } from './create-file-workers.ts';
export { exportServiceHandler } from '../nexus/export-service-handler.ts';
export type { Workers } from './run-workers.ts';
export type { SharedOptions } from './worker-options.ts';
export { HISTOGRAM_BUCKETS } from '../telemetry/metric-table.ts';
export { traceIds } from '../telemetry/run-spans.ts';
export type { TraceOptions } from './traced.ts';
export { traceOptions, workflowInterceptorModules } from './traced.ts';
export { workflowBundle, workflowsPath } from './workflow-code.ts';
