import type { WorkflowInterceptors } from '@temporalio/workflow';
import { ASK_AGAIN } from '../query-contract.ts';

/** What came with one workflow task, or was there when a query loaded the run. */
interface Step {
  /** Id of the last event. */
  length: number;
  /** The history says what the run made of it. */
  isReplay: boolean;
  /** A query came after it. */
  isAsked: boolean;
}

/** How the SDK names a query that comes alone, and not with a workflow task. */
const ALONE = 'legacy_query';

/**
 * Keeps a query from making a run decide what its history does not say. Every worker and bundle has it.
 *
 * When a worker is lost, Temporal still sends it queries for ten seconds. Then another worker loads the run to answer, with
 * all that has come since, and Temporal's SDK (1.24) lets the run act on it, although no worker has completed a task with
 * that. What the run decided stays for the task that comes next, which may have more messages and has another time; a
 * replay decides otherwise, and the run hangs with `TMPRL1100`. The SDK for Go drops a run that was loaded for a query
 * (temporalio/sdk-go issue 1716). This one drops it when the query fails, and whoever asks again gets an answer.
 *
 * A run that was loaded by a task, and had no other since, looks the same: the first query after that fails, too.
 */
export function interceptors(): WorkflowInterceptors {
  let before: Step | undefined;
  let last: Step | undefined;
  return {
    internals: [
      {
        activate(input, next) {
          const { historyLength, isReplaying, jobs } = input.activation;
          const queries = (jobs ?? []).flatMap(({ queryWorkflow }) => queryWorkflow ?? []);
          if (queries.length === 0) {
            // What comes with one task may come in several parts.
            if (last === undefined || last.length !== historyLength) {
              [before, last] = [last, { length: historyLength ?? 0, isReplay: isReplaying === true, isAsked: false }];
            }
          } else if (last !== undefined && queries.some(({ queryId }) => queryId === ALONE)) {
            const isLoaded = before?.isReplay === true && !before.isAsked;
            if (isLoaded && !last.isReplay) throw new Error(`${ASK_AGAIN}: the worker of this run is being replaced.`);
            last.isAsked = true;
          }
          return next(input);
        },
      },
    ],
  };
}
