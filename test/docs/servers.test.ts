import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';
import { OPERATIONS } from '../../src/fhir/operations.ts';
import { PROFILE_NAMES } from '../../src/profiles/index.ts';
import { DEFAULTS } from '../../src/profiles/settings.ts';
import { BEGIN, END, serversTable } from './servers-table.ts';

const PAGE = join(projectRoot, 'docs/servers.md');
const page = await readFile(PAGE, 'utf8');

test('docs/servers.md has the facts of src/profiles; UPDATE_DOCS=1 writes them', async () => {
  const [before = '', rest = ''] = page.split(BEGIN);
  const [, after = ''] = rest.split(END);
  const wanted = `${before}${serversTable()}${after}`;
  if (process.env['UPDATE_DOCS'] !== undefined) await writeFile(PAGE, wanted);
  else expect(page).toBe(wanted);
});

test('docs/servers.md has each setting with its default, and each profile', () => {
  const settings = page.slice(page.indexOf('## Settings\n'), page.indexOf('## What a server may'));
  const rows = [...settings.matchAll(/^\| `(\w+)` \| ([^|]*) \|/gm)].map(([, name, fallback]) => [name, fallback]);
  expect(rows.map(([name]) => name)).toEqual(Object.keys(DEFAULTS));
  for (const [name, fallback] of rows) {
    const value = DEFAULTS[name as keyof typeof DEFAULTS];
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      expect(fallback, name).toBe(`\`${String(value)}\``);
    }
  }
  for (const type of OPERATIONS['davinci-data-export'].parameters.exportType?.known ?? [])
    expect(page).toContain(`\`${type}\``);
  for (const name of PROFILE_NAMES) expect(page).toContain(`\`${name}\``);
});
