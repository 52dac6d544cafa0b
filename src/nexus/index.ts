/**
 * `fhir-bulk-export/nexus`: exports as a Nexus service, for workflows in any namespace. No code of workers is in here, so
 * that a workflow can import it.
 */
import { operation, service } from 'nexus-rpc';
import type { ExportReport, ExportRequest } from '../contract.ts';

/** A request, with what keeps it from running twice. */
export type NexusExportInput = ExportRequest & {
  /**
   * Workflow id of the export: who asks again with the same key and the same request, while it runs, waits for the same
   * export; with another request this is refused. Letters, digits, `-`, `_` and `.`, at most 200. Default: every operation
   * is an export of its own.
   */
  key?: string | undefined;
};

/** The service that workers of exports offer; callers reach it by an endpoint whose target is their task queue. */
export const exportService = service('fhir-bulk-export', {
  /** Runs an export. Fails as it fails, with the code as the type; cancelling it cancels the export and its job. */
  export: operation<NexusExportInput, ExportReport>(),
});
