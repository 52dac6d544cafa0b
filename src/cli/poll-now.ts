import type { Command } from 'commander';
import { newCommand, notEmpty } from './arguments.ts';

/** `fhir-bulk-export poll-now` */
export function pollNowCommand(): Command {
  return newCommand(
    'poll-now',
    {
      summary: 'end the wait of an export for its server',
      description:
        'Ends every wait of an export for its server: for the next poll, for a token, for files that were put off, for ' +
        'fresh links, for another kick-off. In the queue it asks again for a slot. What is paused stays paused. Prints how ' +
        'the export stands. Exit code 1: it has ended, or nobody runs it.',
    },
    [['poll-now nightly', 'the server works again, so it need not wait any longer']],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, { json }: { json?: true }) => {
      const { steer } = await import('./steer.ts');
      await steer(workflowId, json, async (started) => {
        await started.pollNow();
        // A signal has no answer.
        const { phase, paused, concurrency, deadline } = await started.progress();
        return { phase, paused, concurrency, deadline };
      });
    });
}
