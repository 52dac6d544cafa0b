import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import type { ExportLevel } from '../../src/contract.ts';

/** The command line of `npm run demo`. */
export interface DemoArguments {
  /** Base URL of the user's own FHIR server. Undefined: a sample server with a generated hospital. */
  server?: string | undefined;
  level: ExportLevel;
  groupId?: string | undefined;
  types?: string[] | undefined;
  /** Whether to kill the worker in the middle of the downloads. */
  kill: boolean;
  /** Whether everything keeps running at the end. */
  keep: boolean;
  /** Absolute path of the folder below which the export gets a folder of its own. */
  output: string;
  /** Size of the generated hospital. */
  patients: number;
}

export const help = `Usage: npm run demo -- [options]

Exports a generated hospital with a Temporal server, a FHIR server and a worker of its own, kills the worker in the
middle of the downloads, and proves that nothing was lost and no finished file was fetched twice.

  --keep              keep everything running at the end, until Ctrl-C
  --output FOLDER     folder for the exported files, default ./exports
  --patients N        size of the generated hospital, default 300

From a FHIR server of your own, without authentication:

  --server URL        its base URL; http: on this machine only
  --level LEVEL       system (default), patient or group
  --group ID          with --level group: the logical id of the Group
  --type A,B          resource types; may be repeated
  --kill              kill the worker here, too

  --help`;

const levels = ['system', 'patient', 'group'] as const;

/**
 * Reads the command line.
 *
 * @param argv without the program's name
 * @returns undefined for `--help`
 * @throws Error for the first fault
 */
export function parseArguments(argv: readonly string[]): DemoArguments | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      keep: { type: 'boolean', default: false },
      output: { type: 'string', default: 'exports' },
      patients: { type: 'string' },
      server: { type: 'string' },
      level: { type: 'string' },
      group: { type: 'string' },
      type: { type: 'string', multiple: true },
      kill: { type: 'boolean' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { server, group, patients } = values;

  for (const name of ['level', 'group', 'type', 'kill'] as const) {
    if (server === undefined && values[name] !== undefined) throw new Error(`--${name} goes with --server only`);
  }
  if (server !== undefined && patients !== undefined) throw new Error('--patients does not go with --server');
  const level = levels.find((one) => one === (values.level ?? 'system'));
  if (level === undefined) throw new Error(`--level must be one of ${levels.join(', ')}`);
  if (level === 'group' && group === undefined) throw new Error('--level group needs --group ID');
  if (level !== 'group' && group !== undefined) throw new Error('--group needs --level group');
  if (patients !== undefined && !/^[1-9]\d{0,5}$/.test(patients)) throw new Error('--patients must be a whole number');

  return {
    server,
    level,
    groupId: group,
    types: values.type?.flatMap((list) => list.split(',')),
    kill: values.kill ?? server === undefined,
    keep: values.keep,
    output: resolve(values.output),
    patients: Number(patients ?? 300),
  };
}
