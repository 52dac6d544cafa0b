import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * Finds a program that tests use where it is there: nothing is installed for them.
 *
 * @param variable names its file; otherwise it is looked for on the PATH
 */
export async function findProgram(name: string, variable: string): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = [process.env[variable] ?? '', ...folders.map((folder) => join(folder, name))];
  for (const file of candidates.filter((one) => one !== '')) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}
