import type { Command } from 'commander';
import { newCommand } from './arguments.ts';

/** `fhir-bulk-export worker` */
export function workerCommand(): Command {
  return newCommand(
    'worker',
    {
      summary: 'run exports that others start',
      description:
        'Runs exports until SIGINT or SIGTERM. Reads fhir-bulk-export.yaml, or the file that BULK_EXPORT_CONFIG names; ' +
        'the connection to Temporal comes from the TEMPORAL_* variables.',
    },
    [['worker', 'exports that anybody starts on the task queue fhir-bulk-export']],
  ).action(async () => {
    // It reports its faults itself, in the log.
    await import('../worker.ts');
  });
}
