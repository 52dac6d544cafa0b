import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { killGroup, spawnOwned } from '../../src/programs/child.ts';
import { temporalEnv } from './real-worker.ts';
import type { Stack } from './stack.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/test/support/worker-process.js', import.meta.url));

/**
 * Starts a worker process for a stack; it polls when this returns, or has ended already.
 *
 * @param env further variables of its environment; with PATIENT it waits for a sample server that is busy writing
 *   large files; OUTAGE: milliseconds for which a server may be away; GATE_ASK: milliseconds after which exports ask a
 *   gate again
 */
export async function startWorkerProcess(
  stack: Pick<Stack, 'folder' | 'config'> & { temporal: Pick<Stack['temporal'], 'address' | 'namespace'> },
  env: Record<string, string> = {},
): Promise<ChildProcess> {
  const configFile = join(stack.folder, 'fhir-bulk-export.yaml');
  await writeFile(configFile, stringify(stack.config));
  const child = spawnOwned(process.execPath, [PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...temporalEnv(stack),
      BULK_EXPORT_CONFIG: configFile,
      ...env,
    },
  });
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), once(child, 'exit')]);
  return child;
}

/** Kills a worker outright, as a lost machine would. */
export async function killWorker(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  killGroup(child, 'SIGKILL');
  await exited;
}
