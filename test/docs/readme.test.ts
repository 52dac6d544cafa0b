import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { projectRoot } from '../../dev/temporal/project.ts';
import { FAILURES, PHASES, SEARCH_ATTRIBUTES, WARNINGS } from '../../src/contract.ts';
import { ruleOf } from '../../src/fhir/parameters.ts';

const readme = await readFile(join(projectRoot, 'README.md'), 'utf8');
const lines = readme.split('\n');

describe('README', () => {
  it.each(Object.entries(FAILURES))('has the failure %s with its meaning and the next step', (code, failure) => {
    expect(lines).toContain(`| \`${code}\` | ${failure.meaning} | ${failure.next} |`);
  });

  it.each(Object.entries(WARNINGS))('has the warning %s with its meaning', (code, meaning) => {
    expect(lines).toContain(`| \`${code}\` | ${meaning} |`);
  });

  it('has no code that is not in the contract', () => {
    const codes = [...readme.matchAll(/^\| `([A-Z][A-Za-z]+)` \|/gm)].map(([, code]) => code);
    expect(codes).toEqual([...Object.keys(FAILURES), ...Object.keys(WARNINGS)]);
  });

  it('has parameters that are known', () => {
    const [, table = ''] = /\| parameter \| value \|[^\n]*\n((?:\|[^\n]*\n)+)/.exec(readme) ?? [];
    const cells = table.split('\n').map((line) => line.split('|')[1] ?? '');
    const names = cells.flatMap((cell) => [...cell.matchAll(/`(\w{2,})`/g)]).map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => ruleOf(name) === undefined)).toEqual([]);
  });

  it.each([...PHASES, ...Object.values(SEARCH_ATTRIBUTES)])('names %s', (name) => {
    expect(readme).toContain(`\`${name}\``);
  });

  it('links to files that are there', () => {
    const targets = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !existsSync(join(projectRoot, target)))).toEqual([]);
  });

  it('shows the run in the Web UI in a picture that is quick to load', async () => {
    expect((await stat(join(projectRoot, 'docs/assets/web-ui.png'))).size).toBeLessThan(300_000);
  });
});
