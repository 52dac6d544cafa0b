import { parseArgs } from 'node:util';
import type { Command } from './command.ts';

/** `fhir-bulk-export worker` */
export const worker: Command = {
  usage: `Usage: fhir-bulk-export worker
Runs exports until SIGINT or SIGTERM. Reads fhir-bulk-export.yaml, or the file that BULK_EXPORT_CONFIG names; the
connection to Temporal comes from the TEMPORAL_* variables.`,
  async run(args) {
    parseArgs({ args });
    // It reports its faults itself, in the log.
    await import('../worker.ts');
    return undefined;
  },
};
