import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { spawnOwned } from '../../src/programs/child.ts';
import { projectRoot } from '../../src/programs/project.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { temporalEnv } from '../support/real-worker.ts';

const run = promisify(execFile);

let folder: string;
let stack: Stack;
let env: NodeJS.ProcessEnv;

/** A project of somebody else that has installed the package as npm packs it; its source is the examples of the docs. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outside-'));
  const [{ stdout }, manifest] = await Promise.all([
    // This very run has built.
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: projectRoot }),
    readFile(join(projectRoot, 'package.json'), 'utf8'),
    cp(join(projectRoot, 'docs/examples'), join(folder, 'src'), { recursive: true }),
  ]);
  const { dependencies, devDependencies } = JSON.parse(manifest) as Record<string, Record<string, string>>;
  const used = ['client', 'common', 'proto', 'worker', 'workflow'].map((name) => `@temporalio/${name}`);
  const ours = { ...dependencies, '@temporalio/proto': dependencies?.['@temporalio/worker'] };
  await writeJson('package.json', {
    name: 'outside',
    version: '1.0.0',
    type: 'module',
    dependencies: {
      ...Object.fromEntries(used.map((name) => [name, ours[name as keyof typeof ours]])),
      'fhir-bulk-export': `file:${stdout.trim().split('\n').at(-1)}`,
    },
    devDependencies: { '@types/node': devDependencies?.['@types/node'] },
  });
  await writeJson('tsconfig.json', {
    compilerOptions: {
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      types: ['node'],
      rootDir: 'src',
      outDir: 'dist',
    },
    include: ['src'],
  });
  await run('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  stack = await startStack({
    workers: false,
    servers: { hospital: { patients: 3, pollsUntilReady: 0 } },
    entries: { hospital: { maxConcurrentExports: 1 } },
  });
  await writeFile(join(folder, 'fhir-bulk-export.yaml'), stringify(stack.config));
  env = { ...process.env, ...temporalEnv(stack), PAYLOAD_KEY: randomBytes(32).toString('hex') };
  delete env['BULK_EXPORT_CONFIG'];
}, 180_000);
afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

function writeJson(name: string, content: object): Promise<void> {
  return writeFile(join(folder, name), JSON.stringify(content));
}

const node = (...args: string[]) => run(process.execPath, args, { cwd: folder, env });

test('its bill of materials lists all that it needs, as docs/release.md makes it', async () => {
  const { stdout } = await run('npm', ['sbom', '--sbom-format', 'cyclonedx'], {
    cwd: folder,
    maxBuffer: 64 * 1024 * 1024,
  });
  const { components } = JSON.parse(stdout) as { components: { group?: string; name: string }[] };
  const listed = components.map(({ name }) => name);
  const { dependencies } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    dependencies: object;
  };
  expect(['fhir-bulk-export', ...Object.keys(dependencies)].filter((name) => !listed.includes(name))).toEqual([]);
  expect(listed).not.toContain('sample-server');
}, 60_000);

test('it typechecks strictly', async () => {
  const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
  expect(await node(tsc).catch((error: { stdout: string }) => error)).toMatchObject({ stdout: '' });
});

test.each(['worker', 'sdk-worker'])(
  '%s.js runs its workflow, whose child is an export',
  async (name) => {
    const stdio = process.env['TEST_LOG'] === undefined ? 'ignore' : 'inherit';
    const worker = spawnOwned(process.execPath, [`dist/${name}.js`], { cwd: folder, env, stdio });
    const exited = once(worker, 'exit');
    try {
      const { stdout } = await node('dist/start.js', 'hospital');
      expect(stdout).toMatch(/^3 resources in \//);
      const [, location = ''] = / in (.*)\n/.exec(stdout) ?? [];
      expect(await readdir(location)).toEqual(expect.arrayContaining(['manifest.json', 'Patient.00001.ndjson']));
      expect((await node('dist/start.js', 'elsewhere')).stdout).toBe('failed: UnknownServer\n');
    } finally {
      worker.kill('SIGTERM');
    }
    expect((await exited)[0]).toBe(0);
  },
  120_000,
);

test('only what is meant for others can be imported', async () => {
  const manifest = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as { exports: object };
  const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.json'));
  const names = entries.map((entry) => join('fhir-bulk-export', entry));
  const script = (name: string) => `console.log(Object.keys(await import('${name}')).join())`;
  const [client, contract, workflows, worker, nexus, config] = await Promise.all(
    names.map(async (name) => (await node('--input-type=module', '-e', script(name))).stdout.trim().split(',')),
  );
  expect(client).toEqual(expect.arrayContaining(['getExport', 'startExport']));
  expect(contract).toEqual(expect.arrayContaining(['BULK_EXPORT', 'FAILURES']));
  expect(workflows).toEqual(['bulkExport', 'checkServer', 'exportGate']);
  expect(worker).toEqual([
    'HISTOGRAM_BUCKETS',
    'createActivities',
    'createFileWorkers',
    'createWorkers',
    'exportServiceHandler',
    'traceIds',
    'traceOptions',
    'workflowBundle',
    'workflowInterceptorModules',
    'workflowsPath',
  ]);
  expect(nexus).toEqual(['exportService']);
  expect(config).toEqual(['CONFIG_FILE', 'loadConfig', 'parseConfig']);
  const inner = node('--input-type=module', '-e', script('fhir-bulk-export/dist/src/http/http-client.js'));
  await expect(inner).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
});
