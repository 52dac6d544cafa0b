import { CancellationScope, createNexusServiceClient, defineSignal, setHandler } from '@temporalio/workflow';
import type { ExportReport } from '../../src/contract.ts';
import type { NexusExportInput } from '../../src/nexus/index.ts';
import { exportService } from '../../src/nexus/index.ts';

export const stop = defineSignal('stop');

/** A workflow of another team: it knows the endpoint, and nothing else of the workers. */
export async function caller(input: NexusExportInput): Promise<ExportReport> {
  const exports = createNexusServiceClient({ service: exportService, endpoint: 'hospital-exports' });
  return CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    setHandler(stop, () => scope.cancel());
    return exports.executeOperation('export', input, { scheduleToCloseTimeout: '1 day' });
  });
}
