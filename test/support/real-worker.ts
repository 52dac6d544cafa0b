import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { spawnOwned } from '../../src/programs/child.ts';
import type { Config } from '../../src/config.ts';

/** The command itself, as it is installed: its first line says how Node is to run. */
const COMMAND = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** The worker as users run it: with the real limits and settings of Node, and its own log. */
export interface RealWorker {
  child: ChildProcess;
  /** All that it has written. */
  logs(): string;
  /** Its exit code; null after a signal. */
  exited: Promise<number | null>;
}

/** Starts a worker; it may not be ready yet when this returns. */
export async function startRealWorker(
  stack: { config: Config; temporal: { address: string; namespace?: string } },
  env: NodeJS.ProcessEnv = {},
): Promise<RealWorker> {
  const configFile = join(await mkdtemp(join(tmpdir(), 'real-worker-')), 'config.yaml');
  await writeFile(configFile, stringify(stack.config));
  const child = spawnOwned(COMMAND, ['worker'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...temporalEnv(stack), BULK_EXPORT_CONFIG: configFile, ...env },
  });
  let logs = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (logs += chunk.toString()));
  return { child, logs: () => logs, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

/** Variables with which our programs find the Temporal of a stack. */
export function temporalEnv({ temporal }: { temporal: { address: string; namespace?: string } }): NodeJS.ProcessEnv {
  return { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace ?? 'default' };
}
