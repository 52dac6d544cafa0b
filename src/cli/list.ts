import type { Command } from 'commander';
import { newCommand, wholeNumberFrom } from './arguments.ts';
import { exitWith } from './exit-codes.ts';

/** `fhir-bulk-export list` */
export function listCommand(): Command {
  return newCommand('list', { summary: 'list exports, the newest first' }, [
    ['list', 'those of the Temporal service that is configured, or else of the embedded one'],
    ['list --limit 200 --json', 'one JSON object on each line'],
  ])
    .option('--limit <number>', 'most exports', wholeNumberFrom(1, 100_000), 30)
    .option('--json', 'one JSON object on each line')
    .action(async (options: { limit: number; json?: boolean }) => {
      const { withTemporal } = await import('./temporal.ts');
      const { exportRows, describeRows } = await import('./export-rows.ts');
      const { withStanding } = await import('./standing.ts');
      const rows = await withTemporal(async (temporal) =>
        withStanding(temporal.client, await exportRows(temporal, options.limit)),
      );
      const lines = options.json === true ? rows.map((row) => JSON.stringify(row)) : describeRows(rows);
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      exitWith(0);
    });
}
