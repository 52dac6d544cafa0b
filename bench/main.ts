import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { parseArgs, promisify } from 'node:util';
import { parse } from 'yaml';
import { CASES, sweep } from './cases.ts';
import type { Exporter } from './exporter.ts';
import { measureFifty, measureIdle, measureKill, measureStart, measureTwoWorkers } from './moments.ts';
import type { Results } from './results.ts';
import { printCase, printMoments } from './results.ts';
import { measureCase } from './rounds.ts';
import { setStage } from './stage.ts';

const USAGE = `Usage: npm run bench -- [case…] [options]
Measures whole exports, with all checks and durability, beside curl. Needs nginx, curl and openssl; for S3 the AWS command line.
  case…            parts of names of cases; default: all, and the moments (start, fifty, workers, kill, idle)
  --rounds N       that count, after one that does not; default 5
  --folder DIR     on the disk that is measured; default: the folder for temporary files
  --against DIR    another built checkout, measured in the same rounds
  --with YAML      this checkout with other settings ("downloadThreads: 1", "server: {maxConcurrentDownloads: 4}"),
                   measured in the same rounds; can be repeated
  --sweep NAME     instead: one file of rising size (size), or a rising number of small files (files)
  --most N         largest size in MiB, or number of files, of a sweep; default 4096 and 10,000
  --json FILE      writes the results`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    folder: { type: 'string', default: tmpdir() },
    against: { type: 'string' },
    with: { type: 'string', multiple: true, default: [] },
    sweep: { type: 'string' },
    most: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const isWanted = (name: string): boolean =>
    positionals.length === 0 || positionals.some((part) => name.includes(part));
  const rounds = Number(values.rounds);
  const sweepName = values.sweep as 'size' | 'files' | undefined;
  const cases =
    sweepName === undefined
      ? CASES.filter(({ name }) => isWanted(name))
      : sweep(sweepName, Number(values.most ?? (sweepName === 'size' ? 4096 : 10_000)));
  const sizes = [
    ...new Set([...cases.flatMap(({ serve }) => (/^m\d/.test(serve) ? [Number(serve.slice(1))] : [])), 16, 64, 256]),
  ];
  const stage = await setStage(
    values.folder,
    { plain: sizes, packed: [256] },
    { s3: cases.some(({ to }) => to === 's3') },
  );
  const results: Results = { machine: await describeMachine(), rounds, cases: [], moments: {} };
  try {
    for (const one of cases) {
      const exporters: Record<string, Exporter> = { ours: await stage.start() };
      for (const settings of values.with) {
        exporters[settings] = await stage.start({ settings: parse(settings) as { server?: object } });
      }
      if (values.against !== undefined) exporters['against'] = await stage.start({ checkout: values.against });
      try {
        const sides = await measureCase(stage, one, exporters, rounds);
        const result = { name: one.name, files: one.files, bytes: one.bytes, goal: one.goal, sides };
        results.cases.push(result);
        printCase(result);
        await save(results);
      } finally {
        for (const exporter of Object.values(exporters)) await exporter.stop();
      }
    }
    if (sweepName === undefined) {
      if (isWanted('start')) Object.assign(results.moments, await measureStart(stage, rounds));
      if (isWanted('fifty')) Object.assign(results.moments, await measureFifty(stage, rounds));
      if (isWanted('workers')) Object.assign(results.moments, await measureTwoWorkers(stage, 16));
      if (isWanted('kill')) Object.assign(results.moments, await measureKill(stage, 64));
      if (isWanted('idle')) Object.assign(results.moments, await measureIdle(stage));
      printMoments(results.moments);
    }
  } finally {
    await stage.close();
  }
  await save(results);
}

/** After each case, because a run takes long. */
async function save(results: Results): Promise<void> {
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 1)}\n`);
}

async function describeMachine(): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD']).catch(() => ({ stdout: '' }));
  const [first] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} × ${first?.model ?? ''}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}, ${stdout.trim()}`;
}

if (values.help) console.log(USAGE);
else await main();
