import type { Command } from 'commander';
import { MOST_CONCURRENT } from '../steering-contract.ts';
import { newCommand, notEmpty, wholeNumberFrom } from './arguments.ts';

/** `fhir-bulk-export set-concurrency` */
export function setConcurrencyCommand(): Command {
  return newCommand(
    'set-concurrency',
    {
      summary: 'limit how many files an export downloads at a time',
      description:
        "Limits how many files an export downloads at a time. What its server's maxConcurrentDownloads allows stays the " +
        'most. Downloads that run are not stopped. Exit code 1: it has ended, nobody runs it, or it refuses.',
    },
    [
      ['set-concurrency nightly 2', 'two files at a time from now on'],
      [`set-concurrency nightly ${MOST_CONCURRENT}`, 'no limit of its own any more'],
    ],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .argument('<most>', `files at a time, from 1 to ${MOST_CONCURRENT}`, wholeNumberFrom(1, MOST_CONCURRENT))
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, most: number, { json }: { json?: true }) => {
      const { steer } = await import('./steer.ts');
      await steer(workflowId, json, (started) => started.setConcurrency(most));
    });
}
