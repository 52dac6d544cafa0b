import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporalEnv } from './real-worker.ts';
import type { Stack } from './stack.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** Runs `fhir-bulk-export check` in a process of its own. */
export async function runCheck(stack: Stack, args: readonly string[]): Promise<{ code: number; output: string }> {
  const env = { ...process.env, ...temporalEnv(stack) };
  try {
    const { stdout } = await run(process.execPath, [CLI, 'check', ...args], { env });
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}
