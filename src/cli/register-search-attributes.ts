import type { Command } from 'commander';
import { newCommand } from './arguments.ts';
import { exitCode, exitWith } from './exit-codes.ts';

/** `fhir-bulk-export register-search-attributes` */
export function registerSearchAttributesCommand(): Command {
  return newCommand(
    'register-search-attributes',
    {
      summary: 'create the search attributes that exports set',
      description:
        'Creates those of the search attributes FhirServer, ExportPhase, ExportLevel and ExportOutcome that the namespace ' +
        'lacks, and says which. It can be run again. Exports that begin afterwards have them. Exit code 1: some could not ' +
        'be created; the message says who can, and how.',
    },
    [
      [
        'register-search-attributes',
        'in TEMPORAL_NAMESPACE at TEMPORAL_ADDRESS, with the rights to change the namespace',
      ],
    ],
  ).action(async () => {
    const { withTemporal } = await import('./temporal.ts');
    const { registerSearchAttributes } = await import('./search-attributes.ts');
    const { lines, failed } = await withTemporal(registerSearchAttributes);
    (failed ? process.stderr : process.stdout).write(lines.map((line) => `${line}\n`).join(''));
    exitWith(failed ? exitCode('error') : 0);
  });
}
