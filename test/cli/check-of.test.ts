import { expect, test } from 'vitest';
import { checkCommand } from '../../src/cli/check.ts';
import { checkOf } from '../../src/cli/check/check-of.ts';
import { exportCommand } from '../../src/cli/export.ts';
import { requestOf } from '../../src/cli/export/request-of.ts';
import type { RequestOptions } from '../../src/cli/export/request-of.ts';

const DATA =
  '--type Patient,Group --type Device --type-filter Device?status=active --group a --patient 1,2 ' +
  '--param _until=2026-01-01T00:00:00Z --lenient --attachments --elements id --operation export ' +
  '--since 2025-01-01T00:00:00Z';

function optionsOf(command: ReturnType<typeof checkCommand>, args: readonly string[]): RequestOptions {
  command.exitOverride().configureOutput({ writeErr: () => {} });
  return command
    .action(() => {})
    .parse(['hospital', ...args], { from: 'user' })
    .opts();
}

test('a check takes the options of an export, and asks for the same', () => {
  const options = optionsOf(exportCommand(), DATA.split(' '));
  const { server, groupId, level, ...asked } = requestOf('hospital', options, options.since);
  expect(level).toBe('group');
  expect(checkOf('hospital', optionsOf(checkCommand(), DATA.split(' ')))).toEqual({ server, groupId, ...asked });
});

test.each([
  [[], {}],
  [['--system'], { level: 'system' }],
  [['--patient-level'], { level: 'patient' }],
  [['--level', 'group', '--group', 'a'], { level: 'group', groupId: 'a' }],
  [['--types', 'Patient,Group'], { parameters: { _type: ['Patient', 'Group'] } }],
  [['--prefer', 'handling=lenient'], { prefer: ['handling=lenient'] }],
  [['--lenient', '--prefer', 'handling=lenient'], { prefer: ['handling=lenient'] }],
])('%j, also in the earlier form', (args, asked) => {
  expect(checkOf('hospital', optionsOf(checkCommand(), args))).toEqual({ server: 'hospital', ...asked });
});

test('--since last is checked with some instant', () => {
  const { parameters } = checkOf('hospital', { since: 'last' });
  const { _since: since } = parameters ?? {};
  expect(Date.parse(since ?? '')).toBeGreaterThan(Date.now() - 60_000);
});

test('the earlier options are not in the help', () => {
  expect(checkCommand().helpInformation()).not.toMatch(/--level|--types|--prefer|download attachments: /);
});
