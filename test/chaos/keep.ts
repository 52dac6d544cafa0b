import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { RoundPlan } from './plan.ts';
import type { RoundResult } from './round-result.ts';
import type { Base, RoundStack } from './stack.ts';

/** Writes everything known about a failed round to its folder: plan, faults, requests and histories. */
export async function keepEvidence(
  plan: RoundPlan,
  base: Base,
  { folder, disk }: RoundStack,
  { runs, injected, problems }: RoundResult,
): Promise<void> {
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(join(folder, name), typeof content === 'string' ? content : `${JSON.stringify(content, null, 1)}\n`);
  await write('problems.txt', `${problems.join('\n')}\n`);
  await write('plan.json', plan);
  await write('injected.json', injected);
  await mkdir(join(folder, 'histories'), { recursive: true });
  for (const { lane, hospital, starts } of runs) {
    await write(`requests-${lane}.json`, hospital.requests);
    await write(`starts-${lane}.json`, starts);
    for (const { workflowId } of starts) {
      const history = await base.temporal.client.workflow.getHandle(workflowId).fetchHistory();
      await write(`histories/${workflowId}.json`, historyToJSON(history));
    }
  }
  // A disk in memory is not kept.
  if (disk !== undefined) {
    await cp(disk.folder, join(folder, 'small-copy'), { recursive: true });
    await disk.close();
  }
}
