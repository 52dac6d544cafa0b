import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';

const COMMAND = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

test('says its version', async () => {
  const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  expect((await promisify(execFile)(COMMAND, ['--version'])).stdout).toBe(`${version}\n`);
});

test('the command starts Node with the settings that keep a worker small', async () => {
  const report =
    'console.error(JSON.stringify([process.execArgv,process.env.MALLOC_ARENA_MAX,process.env.UV_THREADPOOL_SIZE]))';
  const env = { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${report}` };
  const { stdout, stderr } = await promisify(execFile)(COMMAND, ['--help'], { env });
  expect(stdout).toContain('fhir-bulk-export <command>');
  expect(JSON.parse(stderr.split('\n')[0] as string)).toEqual([
    ['--max-semi-space-size=4', '--liftoff-only'],
    '2',
    '12',
  ]);
});

test('commands that only ask Temporal load nothing of its worker, which takes a third of a second', async () => {
  const modules = ['cancel', 'list', 'steer', 'status', 'watch'].map((name) => `../../dist/src/cli/${name}.js`);
  const source = await Promise.all(modules.map((name) => readFile(new URL(name, import.meta.url), 'utf8')));
  const loaded = source.flatMap((text) => [...text.matchAll(/import\('\.(\/[^']+)'\)/g)].map(([, name]) => name));
  expect(loaded.length).toBeGreaterThan(4);
  const script = `
    for (const name of ${JSON.stringify(loaded)}) await import(${JSON.stringify(join(projectRoot, 'dist/src/cli'))} + name);
    const { createRequire } = await import('node:module');
    const files = Object.keys(createRequire(import.meta.url).cache);
    console.log(['client', 'worker'].filter((name) => files.some((file) => file.includes('@temporalio/' + name + '/'))).join());`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(stdout).toBe('client\n');
});
