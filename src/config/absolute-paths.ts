import { resolve } from 'node:path';

/**
 * Makes the paths among some fields absolute, in place. By convention a field holds a path if it is named `path` or ends
 * in `File`.
 *
 * @param folder that relative paths are taken from
 */
export function makePathsAbsolute(fields: object, folder: string): void {
  for (const [name, value] of Object.entries(fields)) {
    const isPath = name === 'path' || name.endsWith('File');
    if (isPath && typeof value === 'string') (fields as Record<string, unknown>)[name] = resolve(folder, value);
  }
}
