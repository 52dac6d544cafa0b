import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import type { ExportLevel } from '../../src/contract.ts';

/** What `npm run demo` was asked for. */
export interface DemoArguments {
  /** Base URL of the user's own FHIR server. Undefined: a sample server with a generated hospital. */
  server?: string;
  level: ExportLevel;
  groupId?: string;
  types?: string[];
  /** Whether the worker is killed in the middle of the downloads. */
  kill: boolean;
  /** Whether everything stays up at the end. */
  keep: boolean;
  /** Absolute path of the folder below which the export gets a folder of its own. */
  output: string;
  /** Size of the generated hospital. */
  patients: number;
}

export const help = `Usage: npm run demo -- [options]

Exports a generated hospital with a Temporal server, a FHIR server and a worker of its own, kills the worker in the
middle of the downloads, and proves that nothing was lost and no finished file was fetched twice.

  --keep              leave everything up at the end, until Ctrl-C
  --output FOLDER     where the exported files go, default ./exports
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
 * @returns undefined when help was asked for
 * @throws Error that says what is wrong with it
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
    ...(server === undefined ? {} : { server }),
    level,
    ...(group === undefined ? {} : { groupId: group }),
    ...(values.type === undefined ? {} : { types: values.type.flatMap((list) => list.split(',')) }),
    kill: values.kill ?? server === undefined,
    keep: values.keep,
    output: resolve(values.output),
    patients: Number(patients ?? 300),
  };
}
