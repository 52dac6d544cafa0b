import type { Command } from 'commander';
import { LONGEST_REASON } from '../steering-contract.ts';
import { newCommand, notEmpty, textUpTo } from './arguments.ts';

/** `fhir-bulk-export finish-incomplete` */
export function finishIncompleteCommand(): Command {
  return newCommand(
    'finish-incomplete',
    {
      summary: 'end an export with the files that are there, and a manifest of them',
      description:
        'Ends an export with the files that are there. It fails with IncompleteExport; manifest.partial.json lists the ' +
        'files. If none is missing, it is complete. The same request resumes it. Exit code 1: it has ended, nobody runs ' +
        'it, or it refuses.',
    },
    [['finish-incomplete nightly --reason "the server has lost it"', 'in the phase downloading or needs-attention']],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .requiredOption(
      '--reason <text>',
      `for those who read the failure and the manifest; at most ${LONGEST_REASON} characters`,
      textUpTo(LONGEST_REASON),
    )
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, { reason, json }: { reason: string; json?: true }) => {
      const { steer } = await import('./steer.ts');
      await steer(workflowId, json, (started) => started.finishIncomplete({ reason }));
    });
}
