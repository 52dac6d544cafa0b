import type { Ask } from './messages.ts';

/** Priority and fairness of a workflow, as Temporal gives them. */
interface Given {
  priorityKey?: number | undefined;
  fairnessKey?: string | undefined;
  fairnessWeight?: number | undefined;
}

/** What an export's place in the queue goes by. When one of them is given, Temporal gives the others as zero, not as absent. */
export function standingOf(given: Given | undefined): Pick<Ask, 'priority' | 'fairnessKey' | 'weight'> {
  return {
    priority: given?.priorityKey || 3,
    fairnessKey: given?.fairnessKey ?? '',
    weight: given?.fairnessWeight || 1,
  };
}
