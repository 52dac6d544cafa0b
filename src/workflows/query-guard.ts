import type { ActivateInput, WorkflowInterceptors } from '@temporalio/workflow';
import { ASK_AGAIN } from '../query-contract.ts';
import { eventsBehind, eventsOf } from './step-events.ts';

/** What a run was given by a workflow task, or by a query that loaded it, and what it made of that. */
interface Step {
  /** Id of the last event. */
  length: number;
  /** When the last workflow task was started. */
  time: string;
  isReplay: boolean;
  /** Events that its jobs come from. */
  given: number;
  /** Events that its commands become. */
  made: number;
  /** A query came after it. */
  isAsked: boolean;
}

/** How the SDK names a query that comes alone, and not with a workflow task. */
const ALONE = 'legacy_query';
/** Events of a workflow task: the last one completed, this one scheduled and started. */
const TASK = 3;

/**
 * Keeps a query from making a run decide what its history does not say. Every worker and bundle has it.
 *
 * When a worker is lost, Temporal still sends it queries for ten seconds. Then another worker loads the run to answer, with
 * all that has come since, and Temporal's SDK (1.24) lets the run act on it, although no worker has completed a task with
 * that. What the run decided stays for the task that comes next, which may have more messages; a replay sees all of them
 * together, decides otherwise, and the run hangs with `TMPRL1100`. The SDK for Go drops a run that was loaded for a query
 * (temporalio/sdk-go issue 1716). This one drops it when an activation fails:
 *
 * - The query fails when no task was started with what has come. Whoever asks again gets an answer.
 * - The next task fails when one was started, on the lost worker: then the commands of the run are not in its history.
 *   Temporal gives the task out again at once, and the run begins anew. A count that is wrong costs no more than that, and
 *   only after a query; a replay counts nothing.
 */
export function interceptors(): WorkflowInterceptors {
  let before: Step | undefined;
  let last: Step | undefined;
  let isQuery = false;
  return {
    internals: [
      {
        activate(input, next) {
          const { activation } = input;
          const queries = (activation.jobs ?? []).flatMap(({ queryWorkflow }) => queryWorkflow ?? []);
          isQuery = queries.length > 0;
          if (queries.some(({ queryId }) => queryId === ALONE) && last !== undefined) {
            // The time of a run goes on with every task.
            if (last.time === before?.time) throw new Error(`${ASK_AGAIN}: the worker of this run is being replaced.`);
            last.isAsked = true;
          }
          if (!isQuery) {
            const step = stepOf(activation);
            // What comes with one task may come in several parts.
            if (step.length === last?.length) last.given += step.given;
            else [before, last] = [last, step];
          }
          return next(input);
        },
        concludeActivation(input, next) {
          const output = next(input);
          if (isQuery || last === undefined) return output;
          last.made += eventsOf(output.commands);
          if (before?.isAsked === true && !before.isReplay && !follows(last, before)) {
            throw new Error('A query had loaded this run with a workflow task that was lost: it begins anew.');
          }
          return output;
        },
      },
    ],
  };
}

function stepOf({ historyLength, timestamp, isReplaying, jobs }: ActivateInput['activation']): Step {
  return {
    length: historyLength ?? 0,
    time: `${timestamp?.seconds?.toString()}.${timestamp?.nanos}`,
    isReplay: isReplaying === true,
    given: eventsBehind(jobs ?? []),
    made: 0,
    isAsked: false,
  };
}

/** Whether the history has what the step before made. */
function follows(step: Step, before: Step): boolean {
  return step.length - before.length === before.made + step.given + TASK;
}
