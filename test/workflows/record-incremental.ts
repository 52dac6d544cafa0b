import { WITH_NEW_MEMBERS } from '../support/group-exports.ts';
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
  await recordNewMembers(stack, version);
}

/** Two exports of a group, which has gained a member before the second one; and the additional one that brings him. */
async function recordNewMembers(stack: Stack, version: string): Promise<void> {
  const request = { ...WITH_NEW_MEMBERS, parameters: { _type: 'Patient' } };
  const first = await (await startAfter(stack.client, 'members', request, undefined)).result();
  stack.servers['hospital']?.changeGroup('diabetes', { add: ['pat-1'] });
  await (await startAfter(stack.client, 'members-next', request, first)).result();
  for (const name of ['members', 'members-next', 'members-next.new-members']) {
    await recordHistory(stack, name, `${version}-${name}`);
  }
}
