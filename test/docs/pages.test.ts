import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, test } from 'vitest';

import { PHASES } from '../../src/contract.ts';
import { projectRoot } from '../../src/programs/project.ts';

const inDocs = (await readdir(join(projectRoot, 'docs'))).filter((name) => name.endsWith('.md'));
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'dev/sample-server/README.md',
  ...inDocs.map((name) => `docs/${name}`),
];
const scripts = Object.keys(
  (JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as { scripts: object }).scripts,
);

describe.each(PAGES)('%s', async (page) => {
  const text = await read(page);

  it('links to files and headings that exist', async () => {
    const targets = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, target = '']) => target);
    const broken: string[] = [];
    for (const target of targets) {
      const [path = '', heading] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(projectRoot, file))) broken.push(target);
      else if (heading !== undefined && !headings(await read(file)).includes(heading)) broken.push(target);
    }
    expect(broken).toEqual([]);
  });

  it('names files and folders of the project that exist', () => {
    const named = [...text.matchAll(/`((?:src|test|dev|docs|bench|tools)\/[\w./-]+)`/g)].map(
      ([, path]) => path as string,
    );
    expect(named.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const named = [...text.matchAll(/npm run ([\w-]+)/g)].map(([, script]) => script as string);
    expect(named.filter((script) => !scripts.includes(script))).toEqual([]);
  });
});

describe('README.md', async () => {
  const text = await read('README.md');

  test('can be read in one go', () => {
    expect(text.split('\n').length).toBeLessThanOrEqual(240);
  });

  test('lists every page', () => {
    const missing = PAGES.filter((page) => page !== 'README.md' && !text.includes(`| [${page}](${page}) | `));
    expect(missing).toEqual([]);
  });

  test('has a picture that is quick to load', async () => {
    expect((await stat(join(projectRoot, 'docs/assets/web-ui.png'))).size).toBeLessThan(300_000);
  });
});

describe('docs/console.md', async () => {
  const text = await read('docs/console.md');

  test('says what to do in each phase', () => {
    const rows = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, phase]) => phase);
    expect(rows).toEqual([...PHASES]);
  });

  test('shows every picture, and each is quick to load', async () => {
    // Diagrams are on other pages.
    const pictures = (await readdir(join(projectRoot, 'docs/pictures'))).filter((name) => name.endsWith('.png'));
    const shown = [...text.matchAll(/\]\(pictures\/([^)]+)\)/g)].map(([, name]) => name as string);
    expect(shown.toSorted()).toEqual(pictures.toSorted());
    for (const name of pictures) {
      expect((await stat(join(projectRoot, 'docs/pictures', name))).size, name).toBeLessThan(150_000);
    }
  });
});

test('CONTRIBUTING.md has every folder of src/ on its map', async () => {
  const entries = await readdir(join(projectRoot, 'src'), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const [, map = ''] = /\nsrc\/\n([^]*?)\ndev\//.exec(await read('CONTRIBUTING.md')) ?? [];
  const named = [...map.matchAll(/^ {2}([\w-]+)\/ /gm)].map(([, name]) => name as string);
  expect(named.toSorted()).toEqual(folders.toSorted());
});

function read(page: string): Promise<string> {
  return readFile(join(projectRoot, page), 'utf8');
}

/** Names under which a page's headings can be linked to, as GitHub and others make them. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
