import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { spawnOwned } from '../../src/programs/child.ts';
import { projectRoot } from '../../src/programs/project.ts';
import type { Config } from '../../src/config.ts';

/** The command itself, as it is installed: its first line says how Node is to run. */
const COMMAND = 'dist/src/cli/main.js';

/** The worker as users run it: with the real limits and settings of Node, and its own log. */
export interface RealWorker {
  child: ChildProcess;
  /** All that it has written. */
  logs(): string;
  /** Its exit code; null after a signal. */
  exited: Promise<number | null>;
}

/**
 * Starts a worker; it may not be ready yet when this returns.
 *
 * @param root folder of the version that it is of. Default: this one
 */
export async function startRealWorker(
  stack: { config: Config; temporal: { address: string; namespace?: string } },
  env: NodeJS.ProcessEnv = {},
  root: string = projectRoot,
): Promise<RealWorker> {
  const configFile = join(await mkdtemp(join(tmpdir(), 'real-worker-')), 'config.yaml');
  await writeFile(configFile, stringify(stack.config));
  const child = spawnOwned(join(root, COMMAND), ['worker'], {
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
