import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { help, parseArguments } from '../../dev/demo/arguments.ts';
import { projectRoot } from '../../src/programs/project.ts';

describe('npm run demo, without a terminal', () => {
  let folder: string;
  let output: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'demo-test-'));
    const args = [join(projectRoot, 'dist/dev/demo.js'), '--output', folder];
    // An exit code other than 0 is an error here; the message has all that was printed.
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, TEMPORAL_CLI: inject('temporalCli'), TMPDIR: folder },
      timeout: 100_000,
    });
    output = stdout;
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('says the exact command with which the export was started', () => {
    expect(output).toContain(`${inject('temporalCli')} workflow start \\\n`);
    expect(output).toMatch(
      /--type bulkExport \\\n {2}--task-queue fhir-bulk-export \\\n {2}--workflow-id demo-\d{8}-\d{6} \\/,
    );
  });

  it('kills the worker in the middle of the downloads and starts another one', () => {
    const [, done, total] = /(\d+)\/(\d+) files[^\n]*\n\n {2}Worker \d+ killed with SIGKILL/.exec(output) ?? [];
    expect(Number(done)).toBeGreaterThanOrEqual(Number(total) / 3);
    expect(Number(done)).toBeLessThan(Number(total));
    expect(output).toMatch(/Another worker started: process \d+/);
    for (const pid of output.matchAll(/[Ww]orker +(?:process )?(\d+)|started: process (\d+)/g)) {
      expect(() => process.kill(Number(pid[1] ?? pid[2]), 0), `process ${pid[0]} is gone`).toThrow('ESRCH');
    }
  });

  it('proves that every file is whole and that no finished file was fetched twice', () => {
    expect(output).not.toContain('✗');
    expect(output).toMatch(/✓ (\d+) files made by the server, \1 exported, with equal sha256/);
    expect(output).toMatch(/✓ [1-9]\d* files finished before the kill: requested once, never again/);
    expect(output).toMatch(/✓ [1-9]\d* files? cut off by the kill: requested once more/);
    expect(output).toMatch(/✓ one kick-off/);
  });

  it('leaves the exported files, and nothing else', async () => {
    const [, name = ''] = /Files in .*(demo-\d{8}-\d{6})\n/.exec(output) ?? [];
    expect(await readdir(folder)).toEqual([name]);
    const manifest = JSON.parse(await readFile(join(folder, name, 'manifest.json'), 'utf8')) as { output: unknown[] };
    expect(output).toContain(`files            ${manifest.output.length}\n`);
  });

  it('names the run in the Web UI', () => {
    expect(output).toMatch(
      /http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/demo-\d{8}-\d{6}\/[0-9a-f-]{36}/,
    );
  });
});

describe('the arguments of the demo', () => {
  it('are those of the help', () => {
    const options = new Set(help.match(/--[a-z]+/g));
    expect([...options].filter((option) => option !== '--help').toSorted()).toEqual([
      '--group',
      '--keep',
      '--kill',
      '--level',
      '--output',
      '--patients',
      '--server',
      '--type',
    ]);
    expect(parseArguments(['--help'])).toBeUndefined();
  });

  it('make a demo with a generated hospital, or an export from a server of the user', () => {
    expect(parseArguments(['--output', '/a'])).toEqual({
      level: 'system',
      kill: true,
      keep: false,
      output: '/a',
      patients: 300,
    });
    const args = '--server https://fhir.example --level group --group 1 --type Patient,Group --type Device --output /a';
    expect(parseArguments(args.split(' '))).toMatchObject({
      server: 'https://fhir.example',
      level: 'group',
      groupId: '1',
      types: ['Patient', 'Group', 'Device'],
      kill: false,
    });
  });

  it.each([
    ['--nope', "Unknown option '--nope'"],
    ['--level system', '--level goes with --server only'],
    ['--server https://a.example --patients 5', '--patients does not go with --server'],
    ['--server https://a.example --level all', '--level must be one of system, patient, group'],
    ['--server https://a.example --level group', '--level group needs --group ID'],
    ['--server https://a.example --group 1', '--group needs --level group'],
    ['--patients none', '--patients must be a whole number'],
  ])('%s is refused', (args, message) => {
    expect(() => parseArguments(args.split(' '))).toThrow(message);
  });
});
