import type { Command } from 'commander';
import { newCommand, notEmpty } from './arguments.ts';
import { exitCode, exitWith } from './exit-codes.ts';

/** `fhir-bulk-export status` */
export function statusCommand(): Command {
  return newCommand('status', { summary: 'say how far an export is, or how it ended; exit codes as of export' }, [
    ['status hospital-a.patient.1f2e3d4c5b', 'an export that "fhir-bulk-export list" shows'],
  ])
    .argument('<id>', 'workflow id', notEmpty)
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, options: { json?: boolean }) => {
      const { withTemporal } = await import('./temporal.ts');
      const { exportStatus, describeStatus } = await import('./export-status.ts');
      const { outcomeCode } = await import('./export/show.ts');
      const status = await withTemporal((temporal) => exportStatus(temporal, workflowId));
      const lines = options.json === true ? [JSON.stringify(status)] : describeStatus(status);
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      if (status.unreadable !== undefined) return exitWith(exitCode('error'));
      return exitWith(status.outcome === undefined ? 0 : outcomeCode(status.outcome));
    });
}
