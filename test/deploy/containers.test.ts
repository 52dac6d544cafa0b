import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot } from '../../src/programs/project.ts';

const CHART = 'deploy/helm/fhir-bulk-export';
/** Seconds within which a worker ends. */
const END = 30;

const read = (path: string): Promise<string> => readFile(join(projectRoot, path), 'utf8');

test('the image has the Node that the tests run on', async () => {
  const images = [...(await read('Dockerfile')).matchAll(/^FROM node:(\d+)-/gm)].map(([, version]) => version);
  expect(images).toEqual([(await read('.nvmrc')).trim(), (await read('.nvmrc')).trim()]);
});

test('what the image is made of is not left out of what its build is given', async () => {
  const [build = ''] = (await read('Dockerfile')).split(/^FROM .*\n/m).slice(2);
  const copied = [...build.matchAll(/\/build\/([\w./-]+)/g)].map(([, path = '']) => path.split('/')[0] as string);
  const made = ['node_modules', 'dist'];
  const given = [...(await read('.dockerignore')).matchAll(/^!(.+)$/gm)].map(([, path]) => path);
  expect(copied.filter((path) => !made.includes(path) && !given.includes(path))).toEqual([]);
  const { include } = JSON.parse(await read('tsconfig.json')) as { include: string[] };
  expect(include.filter((path) => !given.includes(path))).toEqual([]);
});

test('all that the package has is in the image: a worker that misses its bundle makes one at each start', async () => {
  const { files } = JSON.parse(await read('package.json')) as { files: string[] };
  const made = files.filter((path) => /^dist\/.*\.js$/.test(path));
  expect(made.length).toBeGreaterThan(1);
  const copied = [...(await read('Dockerfile')).matchAll(/^COPY --from=build (.+)$/gm)]
    .flatMap(([, paths = '']) => paths.split(' ').slice(0, -1))
    .map((path) => new RegExp(`^${path.replace('/build/', '').replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`));
  expect(made.filter((path) => !copied.some((pattern) => pattern.test(path)))).toEqual([]);
});

test('every variable that is set is one that a worker reads', async () => {
  const operations = await read('docs/operations.md');
  for (const path of ['Dockerfile', 'compose.yml', `${CHART}/templates/deployment.yaml`]) {
    const names = new Set((await read(path)).match(/\b(?:BULK_EXPORT|TEMPORAL)_[A-Z_]+\b/g));
    expect(names.size, path).toBeGreaterThan(0);
    for (const name of names) expect(operations, path).toContain(`\`${name}\``);
  }
});

test('a worker that stops has the time to do so', async () => {
  const compose = parse(await read('compose.yml')) as { services: { worker: { stop_grace_period: string } } };
  expect(parseInt(compose.services.worker.stop_grace_period, 10)).toBeGreaterThan(END);
  const values = parse(await read(`${CHART}/values.yaml`)) as { terminationGracePeriodSeconds: number };
  expect(values.terminationGracePeriodSeconds).toBeGreaterThan(END);
});

test('the chart has the version of the package', async () => {
  const { version } = JSON.parse(await read('package.json')) as { version: string };
  expect(parse(await read(`${CHART}/Chart.yaml`))).toMatchObject({ appVersion: version });
});

test('the chart uses every value that it offers', async () => {
  const files = ['deployment', 'configmap', 'serviceaccount', 'poddisruptionbudget'].map(
    (name) => `templates/${name}.yaml`,
  );
  const templates = await Promise.all([...files, 'templates/_helpers.tpl'].map((file) => read(`${CHART}/${file}`)));
  const used = templates.join('\n');
  const values = parse(await read(`${CHART}/values.yaml`)) as object;
  expect(Object.keys(values).filter((name) => !used.includes(`.Values.${name}`))).toEqual([]);
});
