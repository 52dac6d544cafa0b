import type { Stack } from '../support/stack.ts';
import { startAfter } from '../support/start-after.ts';
import { recordHistory } from './record-histories.ts';

/** Two exports of a schedule: the first one, and the one that goes on from its report. */
export async function recordIncremental(stack: Stack, version: string): Promise<void> {
  const request = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' }, incremental: {} };
  let last: unknown;
  for (const name of ['incremental', 'incremental-next']) {
    last = await (await startAfter(stack.client, name, request, last)).result();
    await recordHistory(stack, name, `${version}-${name}`);
  }
}
