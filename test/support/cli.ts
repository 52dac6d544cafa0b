import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject } from 'vitest';
import type { ExportEvent } from '../../src/cli/export/events.ts';
import type { ExportProgress, ExportReport } from '../../src/contract.ts';
import { spawnOwned } from '../../src/programs/child.ts';
import type { CliResult, CommandProcess } from './command-process.ts';
import { commandProcess } from './command-process.ts';
import { killLeftProcesses } from './left-processes.ts';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** A user of the command, with a home and an embedded server of their own. */
export interface CliUser {
  /** In which commands run. */
  folder: string;
  /** Folder of the user's data. */
  data: string;
  /** Runs a command to its end. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CliResult>;
  start(args: readonly string[], env?: NodeJS.ProcessEnv): RunningCommand;
  /** For commands that are not about processes. */
  quick: CommandProcess;
  /** Kills everything that is left, and removes the folders. */
  leave(): Promise<void>;
}

export interface RunningCommand {
  child: ChildProcess;
  stdout(): string;
  result: Promise<CliResult>;
}

export async function newCliUser(): Promise<CliUser> {
  const folder = await mkdtemp(join(tmpdir(), 'cli-user-'));
  const data = join(folder, 'data');
  // Nothing of the machine's own configuration.
  const own = Object.entries(process.env).filter(([name]) => !/^(TEMPORAL|BULK_EXPORT)_/.test(name));
  const ownEnv = {
    ...Object.fromEntries(own),
    HOME: folder,
    XDG_DATA_HOME: data,
    TEMPORAL_CLI: inject('temporalCli'),
  };
  const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningCommand => {
    const child = spawnOwned(process.execPath, [CLI, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...ownEnv, ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const result = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
    return { child, stdout: () => stdout, result };
  };
  return {
    folder,
    data,
    start,
    quick: commandProcess(folder, ownEnv),
    run: (args, env) => start(args, env).result,
    leave: async () => {
      await killLeftProcesses(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Events of `--json`. */
export function eventsOf(stdout: string): ExportEvent[] {
  // The last line of a command that was killed may be cut.
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ExportEvent);
}

/** The report of a command with `--json`. */
export function reportOf({ stdout, stderr }: CliResult): ExportReport {
  const event = eventsOf(stdout).find(({ kind }) => kind === 'report');
  if (event?.kind !== 'report') throw new Error(`no report: ${stdout}${stderr}`);
  return event.report;
}

/** Waits until the progress of a command with `--json` is such. */
export async function untilProgress(
  command: RunningCommand,
  isSuch: (progress: ExportProgress) => boolean,
): Promise<ExportProgress> {
  let found: ExportProgress | undefined;
  await expect
    .poll(
      () => {
        for (const event of eventsOf(command.stdout())) {
          if (event.kind === 'progress' && isSuch(event.progress)) found = event.progress;
        }
        return found !== undefined;
      },
      { timeout: 120_000, interval: 50 },
    )
    .toBe(true);
  return found as ExportProgress;
}
