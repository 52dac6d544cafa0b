import type { Command } from 'commander';
import { newCommand, newId } from './arguments.ts';
import { exitWith } from './exit-codes.ts';
import type { ExportOptions } from './export/asked.ts';
import { addDataOptions, addHandlingOptions } from './export/request-options.ts';

const EXAMPLES = [
  ['export https://fhir.example.org/r4 --type Patient,Condition --out ./exports', 'a server without authorization'],
  [
    'export hospital-a --group diabetes --since last',
    'an entry of fhir-bulk-export.yaml, what has changed since the last export',
  ],
  ["export hospital-a --type Observation --type-filter 'Observation?category=laboratory'", 'what a search finds'],
  ['export hospital-a --param _until=2026-01-01T00:00:00Z --lenient', 'any other parameter'],
  ['export hospital-a --json > events.ndjson', 'one JSON object on each line, for machines'],
] as const;

/** `fhir-bulk-export export` */
export function exportCommand(): Command {
  const command = newCommand(
    'export',
    {
      summary: 'export from a FHIR server to files',
      description: 'Exports from a FHIR server to files. Ctrl-C, or a kill, loses nothing: the same command goes on.',
    },
    EXAMPLES,
  ).argument('<server>', 'base URL of a server without authorization, or an entry of fhir-bulk-export.yaml');
  addDataOptions(command, '"last", or an instant such as 2026-01-01T00:00:00Z: only what changed after it');
  command
    .optionsGroup('Where:')
    .option('--out <folder>', 'folder in which the export gets one of its own; default for a URL: ./exports')
    .option('--destination <name>', 'a destination of fhir-bulk-export.yaml; default: the first one')
    .option('--path <path>', 'folder of the export below that; default: <server>/<level>-<full or since>-<hash>')
    .option('--config <file>', 'default: BULK_EXPORT_CONFIG, else ./fhir-bulk-export.yaml; for a URL, if there is one')
    .optionsGroup('How:')
    .option('--again', 'export anew, although this export is complete')
    .option('--id <id>', 'workflow id; default: made of the server, the request and the folder', newId)
    .option('--worker', 'with a configured Temporal service: run the export in this process');
  return addHandlingOptions(command)
    .option('--cancel-on-interrupt', 'Ctrl-C cancels the export and deletes the job on the server')
    .option('--json', 'one JSON object on each line')
    .action(async (source: string, options: ExportOptions) => {
      const { runExport } = await import('./export/run-export.ts');
      const { viewFor } = await import('./view/views.ts');
      const args = process.argv.slice(2);
      exitWith(await runExport({ source, options, args, cwd: process.cwd() }, viewFor(options.json === true)));
    });
}
