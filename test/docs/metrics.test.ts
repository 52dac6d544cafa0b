import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';
import type { RequestKind } from '../../src/http/messages.ts';
import type { Metric } from '../../src/telemetry/metric-table.ts';
import { METRICS, PREFIX } from '../../src/telemetry/metric-table.ts';

const PAGE = join(projectRoot, 'docs/metrics.md');
const BEGIN = '<!-- metrics: made from src/telemetry/metric-table.ts by test/docs/metrics.test.ts -->';
const END = '<!-- end of metrics -->';

test('docs/metrics.md has the table of src/telemetry; UPDATE_DOCS=1 writes it', async () => {
  const page = await readFile(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(BEGIN);
  const [, after = ''] = rest.split(END);
  const wanted = `${before}${table()}${after}`;
  if (process.env['UPDATE_DOCS'] !== undefined) await writeFile(PAGE, wanted);
  else expect(page).toBe(wanted);
});

function table(): string {
  const rows = Object.entries<Metric>(METRICS).map(([name, { kind, help, labels, from }]) => {
    const listed = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${PREFIX}${name}\` | ${kind} | ${listed} | ${from} | ${help} |`;
  });
  return [BEGIN, '', '| metric | kind | labels | recorded by | |', '|---|---|---|---|---|', ...rows, '', END].join(
    '\n',
  );
}

test('docs/traces.md has the span of each kind of request', async () => {
  const kinds: Record<RequestKind, true> = {
    'kick-off': true,
    status: true,
    delete: true,
    file: true,
    attachment: true,
    token: true,
    metadata: true,
    'smart-configuration': true,
    group: true,
  };
  const row = Object.keys(kinds).map((kind) => `\`${kind}\``);
  expect(await readFile(join(projectRoot, 'docs/traces.md'), 'utf8')).toContain(`| ${row.join(', ')} |`);
});
