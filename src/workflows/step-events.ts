import type { ActivateInput, ConcludeActivationInput } from '@temporalio/workflow';

type Job = NonNullable<ActivateInput['activation']['jobs']>[number];
type Command = ConcludeActivationInput['commands'][number];
interface Numbered {
  seq?: number | null;
}

/** Events of a history from which a run is given these jobs. */
export function eventsBehind(jobs: readonly Job[]): number {
  return sum(jobs, ({ resolveActivity, doUpdate, notifyHasPatch, updateRandomSeed }) => {
    // It was started, and it ended.
    if (resolveActivity != null) return 2;
    return doUpdate == null && notifyHasPatch == null && updateRandomSeed == null ? 1 : 0;
  });
}

/** Events that the commands of a run become. */
export function eventsOf(commands: readonly Command[]): number {
  const begun = new Set(commands.map(({ startTimer, scheduleActivity }) => nameOf(startTimer, scheduleActivity)));
  return sum(commands, ({ setPatchMarker, updateResponse, respondToQuery, cancelTimer, requestCancelActivity }) => {
    // A marker, and the search attribute for it.
    if (setPatchMarker != null) return 2;
    if (respondToQuery != null || updateResponse?.rejected != null) return 0;
    const ended = nameOf(cancelTimer, requestCancelActivity);
    // What ends before it is sent is not sent.
    return ended !== undefined && begun.has(ended) ? -1 : 1;
  });
}

function nameOf(timer: Numbered | null | undefined, activity: Numbered | null | undefined): string | undefined {
  if (timer != null) return `timer ${timer.seq}`;
  return activity == null ? undefined : `activity ${activity.seq}`;
}

function sum<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((all, item) => all + count(item), 0);
}
