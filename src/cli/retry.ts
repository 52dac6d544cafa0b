import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { MOST_NAMES } from '../steering-contract.ts';
import { newCommand, notEmpty } from './arguments.ts';

/** `fhir-bulk-export retry` */
export function retryCommand(): Command {
  return newCommand(
    'retry',
    {
      summary: 'fetch files again that have failed or were put off',
      description:
        'Fetches files again that have failed or were put off, as if for the first time, in the phases downloading and ' +
        'needs-attention. Exit code 1: there are none such, the export has ended, or nobody runs it.',
    },
    [
      ['retry nightly', 'all of them'],
      [
        'retry nightly Patient.00001.ndjson',
        'this one; .export/missing.json at the destination lists all that have failed',
      ],
    ],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .argument('[names...]', `names of files at the destination; at most ${MOST_NAMES}`, fileNames)
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, names: string[], { json }: { json?: true }) => {
      const { steer } = await import('./steer.ts');
      await steer(workflowId, json, (started) => started.retryFiles(names.length === 0 ? {} : { names }));
    });
}

function fileNames(name: string, before: readonly string[] = []): string[] {
  if (before.length >= MOST_NAMES)
    throw new InvalidArgumentError(`There are more than ${MOST_NAMES} names; leave them out for all files.`);
  return [...before, notEmpty(name)];
}
