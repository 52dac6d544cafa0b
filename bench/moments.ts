import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupOf } from './cases.ts';
import { runExport } from './exporter.ts';
import { medians } from './measured.ts';
import type { Stage } from './stage.ts';
import { LIMIT } from './stage.ts';

const MIB = 1024 * 1024;
const TINY = { files: 1, bytes: 0, serve: 'tiny', way: 'plain' } as const;

/** Figures that are not compared with anybody, by name; the names and goals are those of {@link GOALS}. */
export type Moments = Record<string, number>;

/** What is measured, and what is aimed at. */
export const GOALS: Readonly<Record<string, string>> = {
  'start to first request, s': '≤ 0.1',
  'ready job to report, s': '≤ 1',
  'fifty exports, s': '≤ 10',
  'two workers to one': '≥ 1.9',
  'kill: s of transfer again': '≤ 2',
  'kill: s to full speed': '≤ 15',
  'idle, MiB': '≤ 160',
};

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
    return { 'start to first request, s': more?.['first'] ?? 0, 'ready job to report, s': seconds };
  } finally {
    await exporter.stop();
  }
}

/** Seconds for fifty exports of one small file each, started together, on two workers. */
export async function measureFifty(stage: Stage, rounds: number): Promise<Moments> {
  const exporter = await stage.start({ workers: 2 });
  try {
    const measured = [];
    for (let round = 0; round <= rounds; round++) {
      const began = performance.now();
      const paths = Array.from({ length: 50 }, (_, number) => `fifty-${round}-${number}`);
      await Promise.all(paths.map((path) => runExport(exporter, groupOf(TINY), { name: 'disk', path })));
      if (round > 0) measured.push({ seconds: (performance.now() - began) / 1000 });
    }
    return { 'fifty exports, s': medians(measured).seconds };
  } finally {
    await exporter.stop();
  }
}

/** How much faster two workers are than one where each connection is limited. */
export async function measureTwoWorkers(stage: Stage, mebibytes: number): Promise<Moments> {
  const work = { files: 64, bytes: mebibytes * MIB, serve: `m${mebibytes}`, way: 'limited' } as const;
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

/**
 * Kills the only worker in the middle of a big file and starts another: seconds of transfer that are fetched again, and
 * seconds from the kill to the request for the rest, which from then on flows as before.
 */
export async function measureKill(stage: Stage, mebibytes: number): Promise<Moments> {
  const work = { files: 1, bytes: mebibytes * MIB, serve: `m${mebibytes}`, way: 'limited' } as const;
  const exporter = await stage.start();
  const earlier = (await stage.files.limitedAnswers()).length;
  try {
    const exported = runExport(exporter, groupOf(work), { name: 'disk', path: 'kill' });
    await sleep(((work.bytes / LIMIT) * 1000) / 2);
    const killed = Date.now();
    await exporter.replaceOne();
    await exported;
    const answers = (await stage.files.limitedAnswers()).slice(earlier);
    const sent = answers.reduce((sum, { bytes }) => sum + bytes, 0);
    const resumed = Math.min(...answers.map(({ began }) => began).filter((began) => began > killed));
    return {
      'kill: s of transfer again': (sent - work.bytes) / LIMIT,
      'kill: s to full speed': (resumed - killed) / 1000,
    };
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
    return { 'idle, MiB': Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024 };
  } finally {
    await exporter.stop();
  }
}
