import type { Command } from 'commander';
import { list, newCommand } from './arguments.ts';
import { UsageError, exitCode, exitWith } from './exit-codes.ts';
import type { OldExport, Summary } from './remove-old/remove-old.ts';

interface Options {
  dryRun?: boolean;
  destination?: string[];
  all?: boolean;
  forgotten?: boolean;
  requestedBy?: string;
  config?: string;
  json?: boolean;
}

/** `fhir-bulk-export remove-old`: exit code 1 if something could not be removed. */
export function removeOldCommand(): Command {
  return newCommand(
    'remove-old',
    {
      summary: 'remove exports that ended longer ago than the retention of their destination',
      description:
        'Removes exports that ended longer ago than the retention of their destination in the configuration. Running ' +
        'ones stay, and of each request the newest complete one. Asks Temporal which are running.',
    },
    [
      ['remove-old --dry-run', 'what it would remove, and why it would keep what is old'],
      ['remove-old --destination lake', 'at one destination'],
    ],
  )
    .option('--dry-run', 'change nothing')
    .option('--destination <names>', 'separated by commas; default: all that have a retention', list)
    .option('--all', 'also the newest complete export of each request, and what --since last goes on from')
    .option('--forgotten', 'also unfinished exports that Temporal does not know; needs a configured service')
    .option('--requested-by <person>', 'who removes them, for the audit trail, which may require it')
    .option('--config <file>', 'default: BULK_EXPORT_CONFIG, else ./fhir-bulk-export.yaml')
    .option('--json', 'one JSON object on each line')
    .action(async (given: Options) => {
      const { dryRun = false, all = false, forgotten = false, requestedBy, config: file, json, destination } = given;
      const { loadConfig } = await import('../config.ts');
      const { isConfigured, withTemporal } = await import('./temporal.ts');
      const { removeOld } = await import('./remove-old/remove-old.ts');
      const { destinations, ...others } = await loadConfig(file);
      const withRetention = Object.keys(destinations).filter((name) => destinations[name]?.retention !== undefined);
      const wrong = destination?.find((name) => !withRetention.includes(name));
      if (wrong !== undefined)
        throw new UsageError(`The configuration has no destination "${wrong}" with a retention.`);
      if (withRetention.length === 0) {
        throw new UsageError('No destination of the configuration has a retention, such as "retention: P90D".');
      }
      if (others.audit?.required === true && requestedBy === undefined && !dryRun) {
        throw new UsageError('The configuration has audit.required: say by --requested-by who removes exports.');
      }
      // An embedded server may be new, and does not know the exports of workers that have another one.
      if (forgotten && !isConfigured()) {
        throw new UsageError(
          '--forgotten removes what Temporal does not know, so name the Temporal service of your workers (TEMPORAL_ADDRESS).',
        );
      }
      const say = (line: string): void => void process.stderr.write(`${line}\n`);
      let failed = 0;
      await withTemporal(async ({ service, address, namespace, client }) => {
        const which = service === 'embedded' ? ', an embedded server' : '';
        say(`Asking Temporal at ${address}, namespace ${namespace}${which}`);
        const options = { dryRun, all, forgotten, requestedBy, trailFault: {} };
        const config = { destinations, ...others };
        for (const name of destination ?? withRetention) {
          for await (const one of removeOld(config, name, client, options)) {
            process.stdout.write(`${json === true ? JSON.stringify(one) : describe(one, dryRun)}\n`);
            if (one.kind === 'failed') failed += 1;
          }
        }
      }, say);
      exitWith(exitCode(failed === 0 ? 'complete' : 'error'));
    });
}

const VERBS = { removed: 'removed', 'would-remove': 'would remove', kept: 'kept', failed: 'FAILED' } as const;

/** A line for people. */
function describe(one: OldExport | Summary, dryRun: boolean): string {
  if (one.kind === 'summary') {
    const { destination, removed, kept, failed, younger } = one;
    const faults = failed === 0 ? '' : `, ${failed} failed`;
    return `${destination}: ${removed} ${dryRun ? 'would be removed' : 'removed'}, ${kept} kept${faults}, ${younger} not old enough`;
  }
  const { kind, destination, path, state, endedAt, why, left } = one;
  const age = endedAt === undefined ? '' : ` (${state}, ${state === 'complete' ? 'ended' : 'last changed'} ${endedAt})`;
  const reason = why === undefined ? '' : `: ${why}`;
  const others = left === undefined ? '' : `; left what is not ours: ${left.slice(0, 5).join(', ')}`;
  return `${destination}: ${VERBS[kind]}${path === undefined ? '' : ` ${path}`}${age}${reason}${others}`;
}
