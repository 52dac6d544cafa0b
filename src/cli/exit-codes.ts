/** The closed table of exit codes, for all subcommands. */
export const EXIT_CODES = {
  complete: { code: 0, meaning: 'Done; an export is complete.' },
  error: { code: 1, meaning: 'The command itself failed, before or beside an export; with `check`: a row failed.' },
  issues: {
    code: 2,
    meaning:
      'The export is complete, and the server reports problems: issues whose severity is not information or success.',
  },
  failed: { code: 3, meaning: 'The export failed with a code of the table of failures.' },
  cancelled: { code: 4, meaning: 'The export was cancelled or terminated.' },
  usage: { code: 64, meaning: 'The arguments are wrong; nothing was done.' },
  interrupted: { code: 130, meaning: 'Stopped by Ctrl-C (SIGINT); the export can go on.' },
  terminated: { code: 143, meaning: 'Stopped by SIGTERM; the export can go on.' },
} as const satisfies Record<string, { code: number; meaning: string }>;

/** Exit code by its name in {@link EXIT_CODES}. */
export function exitCode(name: keyof typeof EXIT_CODES): number {
  return EXIT_CODES[name].code;
}

/** Wrong arguments: the message is for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Ends this process when all output has been written, although threads of Temporal's SDK may still run. */
export function exitWith(code: number): void {
  process.exitCode = code;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
