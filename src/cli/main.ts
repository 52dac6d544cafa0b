#!/usr/bin/env -S MALLOC_ARENA_MAX=2 UV_THREADPOOL_SIZE=12 node --max-semi-space-size=4 --liftoff-only
// What can only be set before the process starts. Three settings save memory and cost no speed: malloc's arenas, of which
// each of many threads may take one that never shrinks; V8's young generation, which grows to 48 MiB for each thread and
// is mostly garbage (with less than 4 MiB, small files cost more CPU); and V8's optimizing compiler for
// WebAssembly, which takes 40 MiB in each thread that downloads, for the single large function of undici's HTTP parser.
// And libuv has four threads for all files of a process, which wait for the disk most of the time when many small files
// are stored.
import type { Command } from './command.ts';

/** All subcommands; each is loaded only when it is called. */
const COMMANDS: Record<string, { summary: string; load(): Promise<Command> }> = {
  worker: {
    summary: 'run a worker that reads fhir-bulk-export.yaml',
    load: async () => (await import('./worker.ts')).worker,
  },
  check: {
    summary: 'check a server of the configuration through a running worker',
    load: async () => (await import('./check.ts')).check,
  },
  'make-key': {
    summary: 'make a key pair for SMART Backend Services',
    load: async () => (await import('./make-key.ts')).makeKey,
  },
};

const USAGE = `Usage: fhir-bulk-export <command> [arguments]

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}\n`)
  .join('')}
fhir-bulk-export <command> --help describes one of them.
`;

async function main([name = '--help', ...args]: string[]): Promise<number | undefined> {
  if (name === '--help' || name === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`No such command: ${name}\n\n${USAGE}`);
    return 2;
  }
  const { usage, run } = await command.load();
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  return run(args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
