import type { Command } from 'commander';
import { newCommand, notEmpty } from './arguments.ts';

/** `fhir-bulk-export resume` */
export function resumeCommand(): Command {
  return newCommand(
    'resume',
    {
      summary: 'let an export go on that is paused',
      description: 'Lets an export go on that is paused. Exit code 1: it is not, has ended, or nobody runs it.',
    },
    [['resume nightly', 'an export that "fhir-bulk-export pause" has paused']],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, { json }: { json?: true }) => {
      const { steer } = await import('./steer.ts');
      await steer(workflowId, json, (started) => started.resume());
    });
}
