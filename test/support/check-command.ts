import { tmpdir } from 'node:os';
import { commandProcess } from './command-process.ts';
import { temporalEnv } from './real-worker.ts';
import type { Stack } from './stack.ts';

const run = commandProcess(tmpdir(), process.env);

/** Runs `fhir-bulk-export check`. */
export async function runCheck(
  stack: Stack,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const { code, stdout, stderr } = await run(['check', ...args], temporalEnv(stack));
  return { code, output: stdout + stderr };
}
