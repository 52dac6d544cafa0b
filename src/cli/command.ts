/** A subcommand of `fhir-bulk-export`. */
export interface Command {
  /** How it is called, what it does and its options; for `--help`. */
  usage: string;
  /**
   * Runs it.
   *
   * @param args behind its name
   * @returns exit code; undefined: the process goes on, and ends by itself
   * @throws Error whose message is for the user
   */
  run(args: string[]): Promise<number | undefined>;
}
