import type { Command } from 'commander';
import { commandLine, newCommand, notEmpty } from './arguments.ts';
import { exitCode, exitWith } from './exit-codes.ts';
import type { FollowLook } from './export/follow.ts';

/** `fhir-bulk-export watch` */
export function watchCommand(): Command {
  return newCommand('watch', { summary: 'follow an export to its end' }, [
    [
      'watch hospital-a.patient.1f2e3d4c5b',
      'an export that "fhir-bulk-export list" shows; Ctrl-C ends this command only',
    ],
  ])
    .argument('<id>', 'workflow id', notEmpty)
    .option('--json', 'one JSON object on each line')
    .action(async (workflowId: string, options: { json?: boolean }) => {
      const { withTemporal } = await import('./temporal.ts');
      const { viewFor } = await import('./view/views.ts');
      const { follow } = await import('./export/follow.ts');
      const { hintOf, showOutcome, showProgress } = await import('./export/show.ts');
      const { howToGoOn, knownExport } = await import('./one-export.ts');
      const view = viewFor(options.json === true);
      const code = await withTemporal(
        async (temporal) => {
          const known = await knownExport(temporal, workflowId);
          let isAnswered = true;
          process.once('SIGINT', () => {
            const goOn = isAnswered ? undefined : howToGoOn(known);
            const next = goOn ?? commandLine(['watch', workflowId]);
            view.show({ kind: 'interrupted', workflowId, goesOn: goOn === undefined, isWatched: true, next });
            view.end();
            exitWith(exitCode('interrupted'));
          });
          const show = showProgress(view, hintOf(known));
          const look = (answer: FollowLook): void => {
            isAnswered = answer.kind !== 'silent';
            show(answer);
          };
          const outcome = await follow(temporal.client, workflowId, look, new AbortController().signal);
          return showOutcome(outcome, workflowId, view);
        },
        (text) => view.show({ kind: 'notice', text }),
      );
      exitWith(code);
    });
}
