#!/usr/bin/env -S MALLOC_ARENA_MAX=2 UV_THREADPOOL_SIZE=12 node --max-semi-space-size=4 --liftoff-only
// What can only be set before the process starts. Three settings save memory and cost no speed: malloc's arenas, of which
// each of many threads may take one that never shrinks; V8's young generation, which grows to 48 MiB for each thread and
// is mostly garbage (with less than 4 MiB, small files cost more CPU); and V8's optimizing compiler for
// WebAssembly, which takes 40 MiB in each thread that downloads, for the single large function of undici's HTTP parser.
// And libuv has four threads for all files of a process, which wait for the disk most of the time when many small files
// are stored.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { projectRoot } from '../programs/project.ts';
import { COMMANDS } from './commands.ts';
import { exitCode, UsageError } from './exit-codes.ts';

// V8 would let garbage grow to three times of what is in use: 20,000 small files cost 90 MiB more, and no less time. Not in
// the first line, of which older kernels read 127 characters.
setFlagsFromString('--heap-growing-percent=30');

const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };

const program = new Command('fhir-bulk-export')
  .usage('<command> [arguments]')
  .description('Durable FHIR Bulk Data exports.')
  .version(version, '--version', 'print the version of this package')
  .configureHelp({ subcommandTerm: (command) => command.name() })
  .addHelpText('after', '\n"fhir-bulk-export help <command>" describes one of them, with examples.')
  .showSuggestionAfterError()
  .helpCommand('help [command]', 'describe a command');
for (const command of COMMANDS) program.addCommand(command);
for (const command of [program, ...COMMANDS, ...COMMANDS.flatMap(({ commands }) => commands)])
  command.exitOverride().showHelpAfterError('(--help shows all options, with examples)');

// Whoever read the output has enough, as `head` does.
process.stdout.once('error', () => {
  process.stdout.on('error', () => {});
  process.kill(process.pid, 'SIGTERM');
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help that was asked for is no error.
    process.exitCode = error.exitCode === 0 ? 0 : exitCode('usage');
  } else {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = exitCode(error instanceof UsageError ? 'usage' : 'error');
  }
  // Threads of Temporal's SDK would keep the process.
  process.exit();
}
