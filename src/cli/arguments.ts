import { Command, InvalidArgumentError } from 'commander';
import { UsageError } from './exit-codes.ts';

/**
 * A subcommand.
 *
 * @param texts.summary for the list of all commands
 * @param texts.description for its own help; default: the summary
 * @param examples pairs of a command line, without the program's name, and what it does
 */
export function newCommand(
  name: string,
  texts: { summary: string; description?: string },
  examples: readonly (readonly [string, string])[],
): Command {
  const { summary, description = `${summary[0]?.toUpperCase()}${summary.slice(1)}.` } = texts;
  const lines = examples.map(([line, meaning]) => `  # ${meaning}\n  fhir-bulk-export ${line}\n`);
  return new Command(name)
    .summary(summary)
    .description(description)
    .addHelpText('after', `\nExamples:\n${lines.join('')}`);
}

/** Reads `A,B`; the option may be repeated. */
export function list(text: string, before: string[] = []): string[] {
  return [...before, ...text.split(',').map((one) => one.trim())];
}

/** Takes a value as it is; the option may be repeated. */
export function repeated(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** Takes a value as it is, but none that is empty, such as of a variable that is not set. */
export function notEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

/** Reads an id that something new gets. One with a slash would have to be encoded in URLs of Temporal's HTTP API. */
export function newId(text: string): string {
  if (text.includes('/')) throw new InvalidArgumentError('It must not contain a slash.');
  return notEmpty(text);
}

/** Reads a text of at most so many characters, which must say something. */
export function textUpTo(most: number): (text: string) => string {
  return (text) => {
    if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
    if (text.length > most) throw new InvalidArgumentError(`It has more than ${most} characters.`);
    return text;
  };
}

/** Reads a whole number within these bounds, both of which are allowed. */
export function wholeNumberFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/**
 * Reads `NAME=VALUE`, where the value may hold `=`; of a repeated name a list.
 *
 * @throws UsageError
 */
export function namedValues(texts: readonly string[]): Record<string, string | string[]> {
  // No object: any name may be given, also those that every object has.
  const values = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`${text}: write NAME=VALUE, such as _until=2026-01-01T00:00:00Z`);
    const name = text.slice(0, at);
    values.set(name, [...(values.get(name) ?? []), text.slice(at + 1)]);
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, all.length === 1 ? (all[0] as string) : all]));
}

/** An argument as a POSIX shell reads it. */
export function quote(text: string): string {
  return /^[A-Za-z0-9_./:=@,%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command line of a subcommand, to be typed again. */
export function commandLine(args: readonly string[]): string {
  return ['fhir-bulk-export', ...args.map(quote)].join(' ');
}
