import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

/** Events of a poll and the wait before it: an activity, a timer, and a workflow task after each. */
const EVENTS_OF_A_POLL = 3 + 2 + 2 * 3;

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 1, pollsUntilReady: 0, retryAfter: '' } } });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());

async function eventsOf(workflowId: string): Promise<number> {
  return (await runsOf(stack.client, workflowId)).flat().length;
}

test('a poll takes eleven events', async () => {
  const events = [];
  for (const polls of [1, 4]) {
    hospital.faults.add({ route: 'status', times: polls, do: { kind: 'answer', status: 202, body: '' } });
    await stack.run({ parameters: { _type: 'Patient', _typeFilter: 'Patient?_id=none' } }, `polls-${polls}`);
    events.push(await eventsOf(`polls-${polls}`));
  }
  const [few = 0, more = 0] = events;
  expect(more - few).toBe(3 * EVENTS_OF_A_POLL);
});
