import type { ActivityDeps } from './deps.ts';

export interface FindEarlierGateInput {
  server: string;
  /** Of the gate that asks. */
  runId: string;
}

/** Whether the gate before this one ended otherwise than because nobody needed it. */
export async function findEarlierGate(
  deps: ActivityDeps,
  { server, runId }: FindEarlierGateInput,
): Promise<{ cutOff: boolean }> {
  return { cutOff: await deps.gates.wasCutOff(server, runId) };
}
