import { getExternalWorkflowHandle } from '@temporalio/workflow';
import type { Outgoing } from '../../policy/gate/messages.ts';
import { GRANTED } from '../../policy/gate/messages.ts';

/** Signals out at a time; Temporal takes 2,000 for each run. */
const AT_ONCE = 100;

/**
 * Tells exports what they are allowed, by their workflow id alone: they may have continued in a new run. One that cannot
 * be told is over, or asks again.
 *
 * @returns those that could not be told
 */
export async function tell(messages: readonly Outgoing[]): Promise<Outgoing[]> {
  const failed: Outgoing[] = [];
  for (let first = 0; first < messages.length; first += AT_ONCE) {
    const some = messages.slice(first, first + AT_ONCE);
    const ends = await Promise.allSettled(
      some.map(({ workflowId, grant }) => getExternalWorkflowHandle(workflowId).signal(GRANTED, grant)),
    );
    failed.push(...some.filter((_, place) => ends[place]?.status === 'rejected'));
  }
  return failed;
}
