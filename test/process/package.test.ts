import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';

const manifest = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};

test('the package has all that its commands read, and nothing of the development', async () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: projectRoot, maxBuffer: 16 * 1024 * 1024 });
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  const paths = packed?.files.map(({ path }) => path) ?? [];
  expect(paths).toEqual(
    expect.arrayContaining([
      'dist/src/cli/main.js',
      'dist/src/programs/download.js',
      'dist/workflow-bundle.js',
      // Named by docs/metrics.md and docs/deployment.md.
      'deploy/grafana/fhir-bulk-export.json',
      'deploy/helm/fhir-bulk-export/Chart.yaml',
      'deploy/helm/fhir-bulk-export/templates/deployment.yaml',
      'deploy/prometheus/alerts.yml',
      'temporal-dev.yml',
      'tools/temporal-cli/go.mod',
      'tools/temporal-cli/go.sum',
    ]),
  );
  expect(paths.filter((path) => /^dist\/(dev|test|bench)\//.test(path))).toEqual([]);
});

test('what is packed imports nothing but itself, Node and its dependencies', async () => {
  const files = (await readdir(join(projectRoot, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'));
  const foreign: string[] = [];
  for (const file of files) {
    const code = await readFile(join(projectRoot, 'src', file), 'utf8');
    for (const [, from = ''] of code.matchAll(/(?:^import .*from |^\} from |^export .*from |import\()'([^']+)'/gm)) {
      const name = from
        .split('/')
        .slice(0, from.startsWith('@') ? 2 : 1)
        .join('/');
      const isOwn =
        from.startsWith('.') &&
        !join('src', file, '..', from).startsWith('..') &&
        join('src', file, '..', from).startsWith('src/');
      if (!isOwn && !from.startsWith('node:') && !(name in manifest.dependencies)) foreign.push(`${file}: ${from}`);
    }
  }
  expect(foreign).toEqual([]);
});
