import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

/**
 * Where the file system of a folder is mounted, as Linux's table of mounts says: a look at the folder itself may hang.
 *
 * @returns the folder itself where nothing is known of a mount but the root's: a symbolic link may lead it elsewhere
 */
export async function mountOf(folder: string): Promise<string> {
  const path = resolve(folder);
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const points = table.split('\n').map((line) => plain(line.split(' ')[4] ?? ''));
  const above = points.filter((point) => point.length > 1 && (path === point || path.startsWith(`${point}/`)));
  return above.sort((one, other) => other.length - one.length)[0] ?? path;
}

/** The table has blanks and the like in octal: `\040`. */
function plain(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
