import type { Command } from 'commander';
import { Option } from 'commander';
import type { Pausable } from '../steering-contract.ts';
import { PAUSABLE } from '../steering-contract.ts';
import { newCommand, notEmpty } from './arguments.ts';

/** `fhir-bulk-export pause` */
export function pauseCommand(): Command {
  return newCommand(
    'pause',
    {
      summary: 'pause an export that runs',
      description:
        'Pauses an export that runs. Its deadline goes on. Exit code 1: it has ended, nobody runs it, or it refuses.',
    },
    [
      ['pause nightly', 'neither polls nor downloads; files in flight end first'],
      ['pause nightly --what downloads --now', 'downloads stop within seconds, and go on later from where they were'],
    ],
  )
    .argument('<id>', 'workflow id', notEmpty)
    .addOption(new Option('--what <what>', 'default: all').choices(PAUSABLE))
    .option('--now', 'downloads that run stop, too')
    .option('--json', 'one JSON object')
    .action(async (workflowId: string, { what, now, json }: { what?: Pausable; now?: true; json?: true }) => {
      const { steer } = await import('./steer.ts');
      await steer(workflowId, json, (started) => started.pause({ what, now }));
    });
}
