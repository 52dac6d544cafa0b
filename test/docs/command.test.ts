import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import type { ExportEvent } from '../../src/cli/export/events.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { projectRoot } from '../../src/programs/project.ts';

const page = await readFile(join(projectRoot, 'docs/command.md'), 'utf8');
const scripts = (
  JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
).scripts;

/** The compiler refuses a field that is missing or too many. */
type Fields<K extends ExportEvent['kind']> = Record<Exclude<keyof Extract<ExportEvent, { kind: K }>, 'kind'>, true>;
const EVENTS: { [K in ExportEvent['kind']]: Fields<K> } = {
  temporal: { service: true, address: true, webUi: true, state: true },
  export: { how: true, workflowId: true, path: true, since: true },
  notice: { text: true },
  progress: { time: true, progress: true },
  report: { report: true, seconds: true },
  failure: { code: true, message: true, next: true, log: true },
  cancelled: { workflowId: true },
  interrupted: { workflowId: true, goesOn: true, isWatched: true, next: true },
};

describe('docs/command.md', () => {
  it('has all exit codes, and no other', () => {
    const rows = Object.entries(EXIT_CODES).map(
      ([name, { code, meaning }]) => `| ${code} | \`${name}\` | ${meaning} |`,
    );
    expect(page.split('\n').filter((line) => /^\| \d+ \|/.test(line))).toEqual(rows);
  });

  it.each(Object.entries(EVENTS))('has the event %s with its fields', (kind, fields) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${kind}\` |`)) ?? '';
    for (const field of Object.keys(fields)) expect(row).toContain(`\`${field}\``);
  });

  it.each(COMMANDS.map((command) => [command.name(), command] as const))(
    'has %s, which has examples',
    (name, command) => {
      if (name !== 'export') expect(page).toMatch(new RegExp(`^\\| \`${name}[ \`]`, 'm'));
      expect(scripts[name]).toBe(`node dev/run.mjs ${name}`);
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(help).toMatch(new RegExp(`Examples:\\n {2}# .*\\n {2}fhir-bulk-export ${name}`));
    },
  );
});
