import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Case } from './cases.ts';
import { groupOf } from './cases.ts';
import { timed, withCurl } from './curl.ts';
import type { Exporter } from './exporter.ts';
import { runExport } from './exporter.ts';
import type { Measured } from './measured.ts';
import { medians } from './measured.ts';
import { hasAws, withAws } from './s3-copy.ts';
import { hasSmartFetch, withSmartFetch } from './smart-fetch.ts';
import type { Stage } from './stage.ts';

/**
 * Files from which the output stays until the end of a case: ext4 passes over inodes that were freed a short while ago,
 * one by one, when the next file is made, which costs more than all that is measured.
 */
const MANY = 1000;

/** Medians of the rounds of a case, by who did it. */
export type Sides = Record<string, Measured>;

/** Somebody who can do the work of a case. */
interface Side {
  name: string;
  run(path: string): Promise<Measured>;
}

/**
 * Lets all sides do the work in turns, so that a machine whose speed drifts is fair to each. One round that does not
 * count comes first: it makes the machine touch the memory that the others then use. What one side has written is
 * removed before the next one begins, unless it is many files.
 *
 * @param exporters by name: this checkout, and another one to compare it with
 */
export async function measureCase(
  stage: Stage,
  one: Case,
  exporters: Readonly<Record<string, Exporter>>,
  rounds: number,
): Promise<Sides> {
  const sides = [
    ...(await opponents(stage, one)),
    ...Object.entries(exporters).map((entry) => exportSide(one, ...entry)),
  ];
  const outputs: string[] = [];
  const { disk, memory, gateway } = stage;
  const roots = [disk, memory, ...(gateway === undefined ? [] : [join(gateway.data, 'lake')])];
  const measured: Record<string, Measured[]> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of sides) {
      const path = `out-${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${round}`;
      const result = await run(path);
      if (round > 0) (measured[name] ??= []).push(result);
      outputs.push(...roots.map((root) => join(root, path)));
      if (one.files < MANY) await removeAll(outputs);
    }
  }
  await removeAll(outputs);
  return Object.fromEntries(Object.entries(measured).map(([name, results]) => [name, medians(results)]));
}

async function opponents(stage: Stage, one: Case): Promise<Side[]> {
  const { files, serve, way, to } = one;
  if (to === 's3') {
    if (stage.gateway === undefined || !(await hasAws())) return [];
    const gateway = stage.gateway;
    const source = join(stage.data, serve);
    return [
      {
        name: 'aws s3 cp',
        run: (prefix) => withAws(gateway, source, { copies: files, folder: join(stage.disk, prefix), prefix }),
      },
    ];
  }
  const urls = Array.from({ length: files }, (_, number) => `${stage.files[way]}/${serve}/${number}`);
  const ca = way === 'tls' ? stage.ca : undefined;
  const others: Side[] = [false, true].map((honest) => ({
    name: honest ? 'honest curl' : 'curl',
    run: (path) => withCurl(urls, join(stage[to], path), { honest, ca }),
  }));
  // What bounds small files is not the wire; large ones are fetched in several threads, which this one is not.
  if (serve === 'small') {
    others.push({
      name: 'bare Node',
      run: (path) => withBareNode(stage.files[way], `/${serve}`, files, join(stage[to], path)),
    });
  }
  // It needs minutes for thousands of files.
  if (files <= 1000 && (await hasSmartFetch())) {
    const from = { baseUrl: stage.baseUrl, group: groupOf(one), ca: stage.ca };
    others.push({ name: 'smart-fetch', run: (path) => withSmartFetch(from, join(stage[to], path)) });
  }
  return others;
}

function exportSide(one: Case, name: string, exporter: Exporter): Side {
  return {
    name,
    run: async (path) => {
      const before = exporter.figures().cpuSeconds;
      const { measured, report } = await runExport(exporter, groupOf(one), { name: one.to, path });
      if (report.files !== one.files) throw new Error(`${report.files} files came instead of ${one.files}`);
      const { cpuSeconds, peakMiB } = exporter.figures();
      return { ...measured, cpuSeconds: cpuSeconds - before, peakMiB };
    },
  };
}

function withBareNode(origin: string, path: string, files: number, folder: string): Promise<Measured> {
  const program = fileURLToPath(new URL('./bare-node.js', import.meta.url));
  // As the worker sets it.
  return timed(`UV_THREADPOOL_SIZE=12 "${process.execPath}" "${program}" ${origin} ${path} ${files} "$1"`, folder);
}

async function removeAll(paths: string[]): Promise<void> {
  for (const path of paths.splice(0)) await rm(path, { recursive: true, force: true });
}
