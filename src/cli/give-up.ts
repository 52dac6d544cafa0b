import type { Command } from 'commander';
import { newCommand, notEmpty } from './arguments.ts';

/** `fhir-bulk-export give-up` */
export function giveUpCommand(): Command {
  return newCommand(
    'give-up',
    {
      summary: 'end an export whose files are missing, without a manifest',
      description:
        'Ends an export as finish-incomplete does, but without manifest.partial.json. Files that are complete stay, and ' +
        'the same request resumes it. Exit code 1: it has ended, nobody runs it, or it refuses.',
    },
    [['give-up nightly', 'in the phase downloading or needs-attention']],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, { json }: { json?: true }) => {
      const { steer } = await import('./steer.ts');
      await steer(workflowId, json, (started) => started.giveUp());
    });
}
