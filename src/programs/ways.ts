/** One way to obtain a program. */
export interface Way {
  /** Its name, as in "Temporal CLI: using <path> (<name>)". */
  name: string;
  /** A line before an attempt that may take long. */
  announcement?: string;
  /** Returns the path of a working program; throws an error with the reason when it finds none. */
  find: () => Promise<string>;
}

/**
 * Takes the first way that works.
 *
 * @param program its name, such as "Temporal CLI"
 * @param advice what to install when none works
 * @param say receives one line for each attempt
 * @param announce receives the announcements
 * @throws Error when no way works, with all reasons and the advice
 */
export async function firstWay(
  program: string,
  ways: readonly Way[],
  advice: string,
  say: (line: string) => void,
  announce = say,
): Promise<string> {
  const reasons: string[] = [];
  for (const { name, announcement, find } of ways) {
    if (announcement !== undefined) announce(`${program}: ${announcement}`);
    try {
      const path = await find();
      say(`${program}: using ${path} (${name})`);
      return path;
    } catch (error) {
      const reason = (error as Error).message;
      reasons.push(`  - ${name}: ${reason}`);
      say(`${program}: ${name}: ${reason.split('\n', 1)[0]}`);
    }
  }
  throw new Error([`No ${program}. What was tried:`, ...reasons, advice].join('\n'));
}
