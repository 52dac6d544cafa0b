import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CaseResult, Results } from './results.ts';

const USAGE = 'Usage: node dist/bench/plot.js size|files RESULTS.json PLOT.svg (needs gnuplot)';

/** What stands on the x axis of each sweep. */
const AXES = {
  size: { label: 'MiB in one file', of: ({ bytes }: CaseResult) => bytes / 1024 ** 2 },
  files: { label: 'files of 31 KB', of: ({ files }: CaseResult) => files },
} as const;

/** Draws the seconds of each side of a sweep, both axes logarithmic. */
async function plot(axis: (typeof AXES)[keyof typeof AXES], results: Results, path: string): Promise<void> {
  const sides = Object.keys(results.cases[0]?.sides ?? {});
  const folder = await mkdtemp(join(tmpdir(), 'bulk-export-plot-'));
  try {
    const data = join(folder, 'data');
    const rows = results.cases.map((one) => [axis.of(one), ...sides.map((side) => one.sides[side]?.seconds ?? NaN)]);
    await writeFile(data, rows.map((row) => row.join(' ')).join('\n'));
    const script = join(folder, 'script');
    const lines = sides.map((side, at) => `"${data}" using 1:${at + 2} with linespoints pointtype 7 title "${side}"`);
    await writeFile(
      script,
      `set terminal svg size 720,420 dynamic background rgb "white"
set output "${path}"
set logscale xy
set grid
set key left top
set xlabel "${axis.label}"
set ylabel "seconds"
plot ${lines.join(', ')}
`,
    );
    await promisify(execFile)('gnuplot', [script]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const [name = '', results = '', path = ''] = process.argv.slice(2);
if (!(name in AXES) || path === '') {
  console.error(USAGE);
  process.exitCode = 1;
} else {
  await plot(AXES[name as keyof typeof AXES], JSON.parse(await readFile(results, 'utf8')) as Results, path);
}
