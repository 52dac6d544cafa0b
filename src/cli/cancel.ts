import type { Command } from 'commander';
import { newCommand, notEmpty } from './arguments.ts';
import { exitCode, exitWith } from './exit-codes.ts';

/** `fhir-bulk-export cancel` */
export function cancelCommand(): Command {
  return newCommand(
    'cancel',
    {
      summary: 'cancel an export, and delete its job on the FHIR server',
      description:
        'Cancels an export: downloads stop, the job on the FHIR server is deleted, unfinished parts are removed. Complete files stay.',
    },
    [['cancel hospital-a.patient.1f2e3d4c5b', 'an export that "fhir-bulk-export list" shows']],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .option('--json', 'one JSON object on each line')
    .action(async (workflowId: string, options: { json?: boolean }) => {
      const { runCancel } = await import('./export/run-cancel.ts');
      const { viewFor } = await import('./view/views.ts');
      const view = viewFor(options.json === true);
      const code = await runCancel(workflowId, view);
      // Cancelled is what was asked for.
      exitWith(code === exitCode('cancelled') ? 0 : code);
    });
}
