import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupOf } from './cases.ts';
import { runExport } from './exporter.ts';
import { medians } from './measured.ts';
import type { Stage } from './stage.ts';

const MIB = 1024 * 1024;
const TINY = { files: 1, bytes: 0, serve: 'tiny', way: 'plain' } as const;

/** Figures that are not compared with anybody, by name. */
export type Moments = Record<string, number>;

/** Seconds from the start of an export to its first request, and from a job that is ready to the report: one small file. */
export async function measureStart(stage: Stage, rounds: number): Promise<Moments> {
  const exporter = await stage.start();
  try {
    const measured = [];
    for (let round = 0; round <= rounds; round++) {
      const began = Date.now();
      await runExport(exporter, groupOf(TINY), { name: 'disk', path: `start-${round}` });
      const { kickOff } = stage.times;
      const seconds = (Date.now() - kickOff) / 1000;
      if (round > 0) measured.push({ seconds, more: { first: (kickOff - began) / 1000 } });
    }
    const { seconds, more } = medians(measured);
    return { 'start to first request': more?.['first'] ?? 0, 'ready job to report': seconds };
  } finally {
    await exporter.stop();
  }
}

/** Seconds for fifty exports of one small file each, started together, on two workers. */
export async function measureFifty(stage: Stage): Promise<Moments> {
  const exporter = await stage.start({ workers: 2 });
  try {
    const began = performance.now();
    const paths = Array.from({ length: 50 }, (_, number) => `fifty-${number}`);
    await Promise.all(paths.map((path) => runExport(exporter, groupOf(TINY), { name: 'disk', path })));
    return { 'fifty exports': (performance.now() - began) / 1000 };
  } finally {
    await exporter.stop();
  }
}

/** How much faster two workers are than one where each connection is limited. */
export async function measureTwoWorkers(stage: Stage, mebibytes: number): Promise<Moments> {
  const work = { files: 32, bytes: mebibytes * MIB, serve: `m${mebibytes}`, way: 'limited' } as const;
  const seconds: number[] = [];
  for (const workers of [1, 2]) {
    const exporter = await stage.start({ workers });
    try {
      const path = `limited-${workers}`;
      const { measured } = await runExport(exporter, groupOf(work), { name: 'disk', path });
      seconds.push(measured.more?.['download'] ?? 0);
      await rm(join(stage.disk, path), { recursive: true });
    } finally {
      await exporter.stop();
    }
  }
  return { 'two workers to one': (seconds[0] ?? 0) / (seconds[1] ?? 1) };
}

/** Kills the worker in the middle of a big file, with another one there: MiB that were sent twice. */
export async function measureKill(stage: Stage, mebibytes: number): Promise<Moments> {
  const work = { files: 1, bytes: mebibytes * MIB, serve: `m${mebibytes}`, way: 'limited' } as const;
  const exporter = await stage.start();
  try {
    const kill = sleep(3000).then(() => exporter.replaceOne());
    const { measured } = await runExport(exporter, groupOf(work), { name: 'disk', path: 'kill' });
    await kill;
    return { 'seconds with a kill': measured.seconds };
  } finally {
    await exporter.stop();
  }
}

/** MiB of a worker that has nothing to do. */
export async function measureIdle(stage: Stage): Promise<Moments> {
  const exporter = await stage.start();
  try {
    await sleep(3000);
    const [pid = 0] = exporter.pids;
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return { 'idle MiB': Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024 };
  } finally {
    await exporter.stop();
  }
}
