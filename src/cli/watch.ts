import type { Command } from 'commander';
import { newCommand } from './arguments.ts';
import { exitCode, exitWith } from './exit-codes.ts';

/** `fhir-bulk-export watch` */
export function watchCommand(): Command {
  return newCommand('watch', { summary: 'follow an export to its end' }, [
    [
      'watch hospital-a.patient.1f2e3d4c5b',
      'an export that "fhir-bulk-export list" shows; Ctrl-C ends this command only',
    ],
  ])
    .argument('<id>', 'workflow id')
    .option('--json', 'one JSON object on each line')
    .action(async (workflowId: string, options: { json?: boolean }) => {
      const { openTemporal } = await import('./temporal.ts');
      const { viewFor } = await import('./view/views.ts');
      const { follow } = await import('./export/follow.ts');
      const { noWorker, showOutcome, showProgress } = await import('./export/show.ts');
      const { howToGoOn, knownExport } = await import('./one-export.ts');
      const view = viewFor(options.json === true);
      const temporal = await openTemporal((text) => view.show({ kind: 'notice', text }));
      const known = await knownExport(temporal, workflowId);
      const goOn = howToGoOn(known);
      const hint =
        goOn === undefined
          ? noWorker(known.description.taskQueue, workflowId)
          : `Nobody runs this export now. To go on with it: ${goOn}`;
      process.once('SIGINT', () => {
        view.end();
        exitWith(exitCode('interrupted'));
      });
      const outcome = await follow(temporal.client, workflowId, showProgress(view, hint), new AbortController().signal);
      const code = showOutcome(outcome, workflowId, view);
      await temporal.close();
      exitWith(code);
    });
}
