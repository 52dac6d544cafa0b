import type { Command } from 'commander';
import type { CheckRequest, CheckRow } from '../contract.ts';
import { list, namedValues, newCommand, repeated } from './arguments.ts';
import { exitCode, exitWith, UsageError } from './exit-codes.ts';
import { isUrl } from './export/names.ts';

const SIGNS: Record<CheckRow['result'], string> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' };

/** `fhir-bulk-export check`: exit code 1 if a row has failed. */
export function checkCommand(): Command {
  return newCommand('check', { summary: 'check a server of the configuration; nothing is exported' }, [
    ['check hospital-a', 'address, keys, token, clock, what the server supports, destination'],
    ['check hospital-a --level group --group diabetes --types Patient', 'what an export would ask for, too'],
  ])
    .argument('<server>', 'an entry of fhir-bulk-export.yaml')
    .option('--destination <name>', 'default: the first one')
    .option(
      '--config <file>',
      'with the embedded Temporal service; default: BULK_EXPORT_CONFIG, else ./fhir-bulk-export.yaml',
    )
    .option('--level <level>', 'system, patient or group; default: what the server does')
    .option('--group <id>', 'Group of an export')
    .option('--operation <name>', 'export or davinci-data-export; default: export')
    .option('--type, --types <types>', 'resource types of an export, separated by commas; default: all', list)
    .option('--param, --parameter <name=value>', 'a parameter of an export; may be repeated', repeated)
    .option('--prefer <value>', 'such as handling=lenient; may be repeated', repeated)
    .option('--attachments <what>', 'download')
    .action(async (server: string, { group, parameter, config, ...others }: CheckOptions) => {
      if (isUrl(server)) throw new UsageError('Only an entry of the configuration can be checked; export takes URLs.');
      const asked = {
        server,
        ...others,
        ...(group === undefined ? {} : { groupId: group }),
        ...(parameter === undefined ? {} : { parameters: namedValues(parameter) }),
      };
      const { runCheck } = await import('./check/run-check.ts');
      const { ok, rows } = await runCheck(asked, config);
      print(rows);
      exitWith(exitCode(ok ? 'complete' : 'error'));
    });
}

type CheckOptions = Omit<CheckRequest, 'server' | 'groupId' | 'parameters'> & {
  group?: string;
  parameter?: string[];
  config?: string;
};

function print(rows: readonly CheckRow[]): void {
  const width = Math.max(...rows.map(({ item }) => item.length));
  for (const { item, result, detail, fix } of rows) {
    process.stdout.write(`${SIGNS[result]}  ${item.padEnd(width)}  ${detail}\n`);
    if (fix !== undefined) process.stdout.write(`${' '.repeat(width + 11)}→ ${fix}\n`);
  }
}
