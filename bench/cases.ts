import { SMALL } from './data.ts';

/** A kind of work, and what it is measured against. */
export interface Case {
  name: string;
  /** Number of files, bytes of each for the manifest (0: not said), name of the file that is served, and how. */
  files: number;
  bytes: number;
  serve: string;
  way: 'plain' | 'tls' | 'limited';
  to: 'disk' | 'memory' | 's3';
  /** Ratios that are aimed at: whole exports to bare and to honest curl, or of the download phase to bare curl. */
  goal: { bare?: number; honest?: number; download?: number };
}

const MIB = 1024 * 1024;

export const CASES: readonly Case[] = [
  big('4 GiB in 16 files', 16, 256, { bare: 1.5, honest: 0.4 }),
  { ...big('2 GiB over gzip', 8, 256, { bare: 1.5, honest: 0.4 }), serve: 'z256', bytes: 0 },
  { ...small('20,000 files of 31 KB', 20_000), goal: { bare: 2, honest: 0.8 } },
  { ...small('5,000 files in memory', 5000), to: 'memory', goal: { download: 4 } },
  { ...big('2 GiB over TLS', 8, 256, { bare: 1.3 }), way: 'tls' },
  { ...big('2 GiB to S3', 8, 256, { bare: 1 }), to: 's3' },
];

function big(name: string, files: number, mebibytes: number, goal: Case['goal']): Case {
  return { name, files, bytes: mebibytes * MIB, serve: `m${mebibytes}`, way: 'plain', to: 'disk', goal };
}

function small(name: string, files: number): Case {
  return { name, files, bytes: SMALL, serve: 'small', way: 'plain', to: 'disk', goal: {} };
}

/** The group that the measuring server takes for this work. */
export function groupOf({ files, bytes, serve, way }: Pick<Case, 'files' | 'bytes' | 'serve' | 'way'>): string {
  return `${files}.${bytes}.${serve}.${way}`;
}

/** Exports of other sizes, for the plots: bytes of one file, and numbers of small files. */
export function sweep(name: 'size' | 'files', most: number): Case[] {
  const steps = name === 'size' ? [1, 4, 16, 64, 256, 1024, 4096, 16_384] : [1, 10, 100, 1000, 10_000, 100_000];
  return steps
    .filter((step) => step <= most)
    .map((step) => (name === 'size' ? big(`${step} MiB`, 1, step, {}) : small(`${step} files`, step)));
}
