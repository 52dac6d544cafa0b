import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Measured } from './measured.ts';

const run = promisify(execFile);

/** Transfers at once, as many as an export has by default. */
const AT_ONCE = 8;

/** What makes a bare download honest: what came is known, and it is on the disk. */
const PROOF =
  'cd "$1" && ls | grep -v config | xargs sha256sum > /dev/null && ls | grep -v config | xargs wc -l > /dev/null && sync';

/**
 * Downloads with curl, which neither checks nor makes durable; an honest one also reads every file for its hash and its
 * lines, and waits for the disk.
 */
export async function withCurl(
  urls: readonly string[],
  folder: string,
  { honest, ca }: { honest: boolean; ca?: string | undefined },
): Promise<Measured> {
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'config');
  await writeFile(config, urls.map((url, at) => `url = "${url}"\noutput = "${join(folder, String(at))}"`).join('\n'));
  const options = ['--silent', '--fail', '--compressed', '--parallel', '--parallel-max', String(AT_ONCE)];
  if (ca !== undefined) options.push('--cacert', ca);
  return timed(`curl ${options.join(' ')} --config "$1/config"${honest ? ` && ${PROOF}` : ''}`, folder);
}

/** Runs a line of shell and measures it with its children. */
export async function timed(line: string, argument: string): Promise<Measured> {
  const script = `TIMEFORMAT='%R %U %S'; time { ${line}; }`;
  const { stderr } = await run('bash', ['-c', `set -eo pipefail; ${script}`, 'bash', argument]);
  const [seconds = 0, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  return { seconds, cpuSeconds: user + system };
}
