import type { WorkflowHandle } from '@temporalio/client';
import { QueryNotRegisteredError, QueryRejectedError } from '@temporalio/client';
import { expect, test } from 'vitest';
import { ask } from '../../src/client/ask.ts';
import { follow } from '../../src/client/follow.ts';
import { ASK_AGAIN } from '../../src/query-contract.ts';

/** An export whose state is another one each time that Temporal is asked, the last one from then on. */
function handleOf(states: readonly string[], query: () => unknown): WorkflowHandle {
  let asked = 0;
  let name: string | undefined;
  const describe = async () => ({ status: { name: (name = states[Math.min(asked++, states.length - 1)]) } });
  const answer = async (): Promise<unknown> => {
    // As Temporal 1.31 does.
    if (name === 'PAUSED') throw Object.create(QueryRejectedError.prototype);
    return query();
  };
  return { describe, query: answer } as unknown as WorkflowHandle;
}

// `temporal workflow pause`: the state is PAUSED until somebody lets the workflow go on.
test('an export that was paused in Temporal is followed to its end', async () => {
  let files = 0;
  const handle = handleOf(['PAUSED', 'PAUSED', 'RUNNING', 'COMPLETED'], () => ({ files: ++files }));
  const seen: unknown[] = [];
  for await (const progress of follow(handle, { interval: 1 })) seen.push(progress);
  expect(seen).toEqual([{ files: 1 }, { files: 2 }]);
});

test('it is asked again while its worker is being replaced', async () => {
  let asked = 0;
  const handle = handleOf(['RUNNING'], () => {
    if (++asked === 1)
      throw Object.assign(Object.create(QueryNotRegisteredError.prototype) as Error, { message: ASK_AGAIN });
    return 'answer';
  });
  expect(await ask(handle, 'progress')).toBe('answer');
});
