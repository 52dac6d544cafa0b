import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** One way to get a program. */
export interface Way {
  /** What it is, as in "Temporal CLI: using <path> (<name>)". */
  name: string;
  /** Said before the attempt, when it may take long. */
  announcement?: string;
  /** Yields the path of a program that works; throws the reason why there is none. */
  find: () => Promise<string>;
}

/** A program that is searched for. */
export interface Wanted {
  /** Its name for people. */
  title: string;
  /** What to do when there is no way to get it. */
  advice: readonly string[];
}

/**
 * Takes the first way that works.
 *
 * @param say receives one line for each thing that was tried
 * @throws Error when none does, with all reasons and the advice
 */
export async function findProgram(
  { title, advice }: Wanted,
  ways: readonly Way[],
  say: (line: string) => void,
): Promise<string> {
  const reasons: string[] = [];
  for (const { name, announcement, find } of ways) {
    if (announcement !== undefined) say(`${title}: ${announcement}`);
    try {
      const program = await find();
      say(`${title}: using ${program} (${name})`);
      return program;
    } catch (error) {
      const reason = (error as Error).message;
      reasons.push(`  - ${name}: ${reason}`);
      say(`${title}: ${name}: ${reason.split('\n', 1)[0]}`);
    }
  }
  throw new Error([`No ${title}. What was tried:`, ...reasons, ...advice].join('\n'));
}

/** File name of a program on this platform. */
export function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

/** Path of a program on the PATH. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string {
  const found = (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, executable(name)))
    .find(isExecutable);
  if (found === undefined) throw new Error('there is none');
  return found;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
