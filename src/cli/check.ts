import type { Command } from 'commander';
import { Option } from 'commander';
import type { CheckRow } from '../contract.ts';
import { list, newCommand, repeated } from './arguments.ts';
import type { CheckOptions } from './check/check-of.ts';
import { exitCode, exitWith, UsageError } from './exit-codes.ts';
import { isUrl } from './export/names.ts';
import { addDataOptions } from './export/request-options.ts';

const SIGNS: Record<CheckRow['result'], string> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' };

/** `fhir-bulk-export check`: exit code 1 if a row has failed. */
export function checkCommand(): Command {
  const command = newCommand('check', { summary: 'check a server of the configuration; nothing is exported' }, [
    ['check hospital-a', 'address, keys, token, clock, what the server supports, destination'],
    ['check hospital-a --group diabetes --type Patient', 'what an export with these options would ask for, too'],
  ])
    .usage('[options] <server>')
    .argument('<server>', 'an entry of fhir-bulk-export.yaml')
    .option('--destination <name>', 'default: the first one')
    .option(
      '--config <file>',
      'with the embedded Temporal service; default: BULK_EXPORT_CONFIG, else ./fhir-bulk-export.yaml',
    );
  addDataOptions(
    command,
    'only what changed after this instant; "last" counts as now',
    'all patients; default: what the server does',
  );
  for (const option of earlierOptions()) command.addOption(option.hideHelp());
  return command
    .allowExcessArguments()
    .action(async (_first: string, { config, ...options }: CheckOptions & { config?: string }, { args }: Command) => {
      const server = serverOf(args, options);
      if (isUrl(server)) throw new UsageError('Only an entry of the configuration can be checked; export takes URLs.');
      const { checkOf } = await import('./check/check-of.ts');
      const { runCheck } = await import('./check/run-check.ts');
      const { ok, rows } = await runCheck(checkOf(server, options), config);
      print(rows);
      exitWith(exitCode(ok ? 'complete' : 'error'));
    });
}

/** As this command had them before it took the options of `export`. */
function earlierOptions(): Option[] {
  return [
    new Option('--level <level>'),
    new Option('--types <types>').argParser(list),
    new Option('--prefer <value>').argParser(repeated),
  ];
}

/** `--attachments` had a value once: `--attachments download`. */
function serverOf(args: readonly string[], { attachments }: CheckOptions): string {
  const at = attachments === true && args.length > 1 ? args.lastIndexOf('download') : -1;
  const [server = '', ...others] = args.filter((_, place) => place !== at);
  if (others.length > 0) throw new UsageError(`too many arguments: ${others.join(' ')}`);
  return server;
}

function print(rows: readonly CheckRow[]): void {
  const width = Math.max(...rows.map(({ item }) => item.length));
  for (const { item, result, detail, fix } of rows) {
    process.stdout.write(`${SIGNS[result]}  ${item.padEnd(width)}  ${detail}\n`);
    if (fix !== undefined) process.stdout.write(`${' '.repeat(width + 11)}→ ${fix}\n`);
  }
}
