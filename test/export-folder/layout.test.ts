import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** What may: the layout of an export, where storage keeps unfinished parts, and the tables that point operators there. */
const NAMERS = /^src\/(export-folder\/layout|storage\/work-folder|errors)\.ts$/;

test('no other source names a path below .export/', async () => {
  const named: string[] = [];
  for (const root of ['src', 'bench']) {
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !file.endsWith('.ts') || NAMERS.test(file)) continue;
      if (/['"`]\.export\//.test((await readFile(file, 'utf8')).replace(/^ *(\/\*\*|\*|\/\/).*$/gm, '')))
        named.push(file);
    }
  }
  expect(named).toEqual([]);
});
