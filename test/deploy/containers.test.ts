import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { projectRoot } from '../../src/programs/project.ts';
import { findProgram } from '../support/find-program.ts';

const CHART = 'deploy/helm/fhir-bulk-export';
/** Seconds within which a worker ends. */
const END = 30;

const inTemplates = (name: string): string => `${CHART}/templates/${name}`;
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
  expect(made.length).toBeGreaterThan(0);
  const copied = [...(await read('Dockerfile')).matchAll(/^COPY --from=build (.+)$/gm)]
    .flatMap(([, paths = '']) => paths.split(' ').slice(0, -1))
    .map((path) => new RegExp(`^${path.replace('/build/', '').replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`));
  expect(made.filter((path) => !copied.some((pattern) => pattern.test(path)))).toEqual([]);
});

test('every variable that is set is one that a worker reads', async () => {
  const operations = await read('docs/operations.md');
  for (const path of ['Dockerfile', 'compose.yml', ...['deployment.yaml', '_helpers.tpl'].map(inTemplates)]) {
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
  const files = ['deployment', 'configmap', 'serviceaccount', 'poddisruptionbudget', 'networkpolicy', 'cronjob'].map(
    (name) => `templates/${name}.yaml`,
  );
  const templates = await Promise.all([...files, 'templates/_helpers.tpl'].map((file) => read(`${CHART}/${file}`)));
  const used = templates.join('\n');
  const values = parse(await read(`${CHART}/values.yaml`)) as object;
  expect(Object.keys(values).filter((name) => !used.includes(`.Values.${name}`))).toEqual([]);
});

const helm = await findProgram('helm', 'HELM');

interface Rendered {
  kind: string;
  data: Record<string, string>;
  spec: {
    ingress?: object[];
    selector?: { matchLabels: object };
    template: Pod;
    jobTemplate: { spec: { activeDeadlineSeconds: number; template: Pod } };
  };
}

interface Container {
  image: string;
  args?: string[];
  env: { name: string }[];
  volumeMounts: object[];
  securityContext: object;
}

interface Pod {
  metadata: { labels: object; annotations?: object };
  spec: {
    containers: Container[];
    volumes: { name: string; secret?: { secretName: string } }[];
    topologySpreadConstraints?: object[];
    securityContext: object;
    nodeSelector: object;
  };
}

/** What the chart makes, with values as of `--set`. */
async function render(...values: string[]): Promise<Rendered[]> {
  const set = ['temporal.address=t:7233', ...values].flatMap((one) => ['--set', one]);
  const { stdout } = await promisify(execFile)(helm as string, [
    'template',
    'exports',
    join(projectRoot, CHART),
    ...set,
  ]);
  // A key that is there twice is an error.
  return parseAllDocuments(stdout).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Rendered;
  });
}

test.skipIf(helm === undefined)(
  'old exports are removed by a CronJob, if that is wanted, as workers see them',
  async () => {
    const more = ['secrets={key}', 'envFrom[0].secretRef.name=s', 'nodeSelector.disk=ssd'];
    const config = ['config.destinations.lake.type=s3', 'config.destinations.lake.retention=P90D'];
    expect((await render(...config)).map(({ kind }) => kind)).not.toContain('CronJob');
    await expect(render('retention.enabled=true', 'config.servers.a.baseUrl=https://a.example')).rejects.toThrow(
      'needs a destination with a retention',
    );
    const all = await render('retention.enabled=true', 'retention.args={--all}', ...more, ...config);
    const of = (kind: string): Rendered => all.find((one) => one.kind === kind) as Rendered;
    const worker = of('Deployment').spec.template;
    const job = of('CronJob').spec.jobTemplate.spec.template;
    expect(of('CronJob').spec.jobTemplate.spec.activeDeadlineSeconds).toBe(21_600);
    const [[runs], [works]] = [job.spec.containers, worker.spec.containers];
    expect(runs?.args).toEqual([
      'remove-old',
      '--requested-by=CronJob default/exports-fhir-bulk-export-remove-old',
      '--all',
    ]);
    expect(runs).toMatchObject({ volumeMounts: works?.volumeMounts, securityContext: works?.securityContext });
    expect(runs?.env.map(({ name }) => name)).toEqual(['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE']);
    const { volumes, securityContext, nodeSelector } = worker.spec;
    expect(job.spec).toMatchObject({ volumes, securityContext, nodeSelector });
    // A PodDisruptionBudget that finds pods of a Job does not work.
    expect(job.metadata.labels).not.toMatchObject(of('PodDisruptionBudget').spec.selector?.matchLabels ?? {});
  },
);

describe.skipIf(helm === undefined)('pods', () => {
  const config = 'config.servers.a.baseUrl=https://a.example';
  const of = (all: Rendered[], kind: string): Rendered => all.find((one) => one.kind === kind) as Rendered;
  const podOf = async (...values: string[]): Promise<Pod> =>
    of(await render(config, ...values), 'Deployment').spec.template;

  test('are of user 1000, unless the cluster or the folder has another one', async () => {
    const { spec } = await podOf();
    const ids = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 };
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, ...ids });
    expect(spec.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const without = Object.keys(ids).map((name) => `podSecurityContext.${name}=null`);
    expect(Object.keys((await podOf(...without)).spec.securityContext).toSorted()).toEqual([
      'fsGroupChangePolicy',
      'runAsNonRoot',
      'seccompProfile',
    ]);
  });

  test('have as many threads as their memory is for, whatever the node has', async () => {
    const threads = async (...values: string[]): Promise<unknown> => {
      const { data } = of(await render(config, ...values), 'ConfigMap');
      return (parse(data['fhir-bulk-export.yaml'] as string) as Record<string, unknown>)['downloadThreads'];
    };
    expect([await threads(), await threads('config.downloadThreads=9')]).toEqual([4, 9]);
  });

  test('have volumes of names that Kubernetes takes, whatever the Secrets are called', async () => {
    const { volumes, containers } = (await podOf('secrets={a.b,c}')).spec;
    const names = volumes.map(({ name }) => name);
    expect(names.filter((name) => !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))).toEqual([]);
    expect(volumes.filter(({ secret }) => secret !== undefined).map(({ secret }) => secret?.secretName)).toEqual([
      'a.b',
      'c',
    ]);
    expect(containers[0]?.volumeMounts.slice(-2)).toMatchObject([
      { name: names.at(-2), mountPath: '/etc/fhir-bulk-export/secrets/a.b' },
      { name: names.at(-1), mountPath: '/etc/fhir-bulk-export/secrets/c' },
    ]);
  });

  test('are spread over nodes, of an image by its digest, with annotations of others', async () => {
    const { metadata, spec } = await podOf('image.digest=sha256:abc', 'podAnnotations.prometheus\\.io/scrape=no');
    expect(spec.topologySpreadConstraints).toMatchObject([
      { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
    ]);
    expect(spec.containers[0]?.image).toBe('fhir-bulk-export@sha256:abc');
    expect(metadata.annotations).toMatchObject({ 'prometheus.io/scrape': 'no', 'prometheus.io/port': '9464' });
  });

  test('have closed ports, if that is wanted, but for those who read metrics', async () => {
    const policy = async (...values: string[]) => of(await render(config, ...values), 'NetworkPolicy')?.spec.ingress;
    expect(await policy()).toBeUndefined();
    expect(await policy('networkPolicy.enabled=true')).toEqual([]);
    const from = 'networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus';
    expect(await policy('networkPolicy.enabled=true', from)).toEqual([
      { from: [{ podSelector: { matchLabels: { app: 'prometheus' } } }], ports: [{ port: 9464 }] },
    ]);
    expect(await policy('networkPolicy.enabled=true', from, 'metricsPort=0')).toEqual([]);
  });
});
