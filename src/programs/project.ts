import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folder of the project: the same whether this code runs from its source or from `dist/`. */
export const projectRoot = folderWithPackageJson(import.meta.dirname);

function folderWithPackageJson(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`no package.json above ${import.meta.dirname}`);
  return folderWithPackageJson(parent);
}
