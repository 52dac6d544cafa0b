import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';

const folder = join(projectRoot, 'docs/examples');
const examples = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));

test.each(['embedding', 'nexus'])(
  'TypeScript on the page %s is that of an example, which a test runs',
  async (page) => {
    const text = await readFile(join(projectRoot, `docs/${page}.md`), 'utf8');
    const blocks = [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, block]) => block as string);
    expect(blocks).not.toEqual([]);
    for (const block of blocks)
      expect(
        examples.some((example) => example.includes(block)),
        block,
      ).toBe(true);
  },
);
