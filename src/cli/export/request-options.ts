import type { Command } from 'commander';
import { Option } from 'commander';
import { list, repeated } from '../arguments.ts';

/**
 * Options that say which data is asked for.
 *
 * @param since what `--since` means
 * @param level what `--patient-level` means. Default: that it is the default
 */
export function addDataOptions(command: Command, since: string, level = 'all patients; the default'): Command {
  return command
    .optionsGroup('What:')
    .option('--type <types>', 'resource types, separated by commas; may be repeated', list)
    .option('--since <instant>', since)
    .option('--type-filter <search>', 'a search such as Observation?category=laboratory; may be repeated', repeated)
    .addOption(
      new Option('--operation <name>', 'of a Group; default: export').choices(['export', 'davinci-data-export']),
    )
    .option('--elements <names>', 'elements such as Patient.name, separated by commas; may be repeated', list)
    .option('--group <id>', 'patients of a Group')
    .option('--patient-level', level)
    .option('--system', 'all resources of the server')
    .option('--patient <ids>', 'these patients only, separated by commas; may be repeated', list)
    .option('--param, --parameter <name=value>', 'any other parameter; may be repeated', repeated)
    .option('--lenient', 'let the server ignore what it does not support')
    .option('--attachments', 'download attachments, too');
}

/** Options that say how an export is run, whoever runs it. */
export function addHandlingOptions(command: Command): Command {
  return command
    .option('--keep-server-files', 'no DELETE of the job after success')
    .addOption(
      new Option('--on-incomplete <what>', 'when files cannot be obtained; wait: for retry and others').choices([
        'fail',
        'wait',
      ]),
    )
    .option('--requested-by <person>', 'who wants the data, for the audit trail, which may require it')
    .option('--purpose <text>', 'what for; as --requested-by')
    .option('--deadline <duration>', 'time for the whole export, such as P30D, the default');
}
