import { createNexusServiceClient } from '@temporalio/workflow';
import type { ExportReport } from 'fhir-bulk-export/contract';
import type { NexusExportInput } from 'fhir-bulk-export/nexus';
import { exportService } from 'fhir-bulk-export/nexus';

/** A workflow of another team: it knows the endpoint, and nothing else of the workers. */
export async function cohort(input: NexusExportInput): Promise<ExportReport> {
  const exports = createNexusServiceClient({ service: exportService, endpoint: 'hospital-exports' });
  return exports.executeOperation('export', input, { scheduleToCloseTimeout: '31 days' });
}
