import { readFileSync } from 'node:fs';

/**
 * A secret that one variable holds, or a file that another one names.
 *
 * @returns its text, and where that is from; undefined when neither is set
 * @throws Error when both are set, or the file cannot be read
 */
export function variableOrFile(
  env: NodeJS.ProcessEnv,
  variable: string,
  fileVariable: string,
): { text: string; place: string } | undefined {
  const text = env[variable] ?? '';
  const file = env[fileVariable] ?? '';
  if (text !== '' && file !== '') throw new Error(`${variable} and ${fileVariable} are both set; unset one`);
  if (file !== '') return { text: read(file, fileVariable), place: `${fileVariable} (${file})` };
  return text === '' ? undefined : { text, place: variable };
}

function read(file: string, fileVariable: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${fileVariable}: ${file} cannot be read (${code})`, { cause: error });
  }
}
