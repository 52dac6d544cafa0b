import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Script } from 'node:vm';
import type { Payload } from '@temporalio/common';
import { ApplicationFailure, TypedSearchAttributes, defaultPayloadConverter } from '@temporalio/common';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import type { coresdk, temporal } from '@temporalio/proto';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';
import { within } from './within.ts';

export type Job = coresdk.workflow_activation.IWorkflowActivationJob;
export type Command = coresdk.workflow_commands.IWorkflowCommand;
export type Failure = temporal.api.failure.v1.IFailure;

/** One run of a workflow, in the SDK's own sandbox and without a server: activations go in, commands come out. */
export interface WorkflowRun {
  runId: string;
  /**
   * @throws ApplicationFailure of type `WorkflowTaskFailed` when the workflow's task fails, as a server would see it
   * @throws Error when it goes round in a circle
   */
  activate(jobs: Job[], now: number, continueAsNewSuggested: boolean): Promise<Command[]>;
  dispose(): Promise<void>;
}

/** Milliseconds; a workflow that goes round in a circle is found so. */
const LONGEST_ACTIVATION = 3000;

/** Makes runs of the workflows of a bundle, all in this thread. */
export class WorkflowRuns {
  readonly #creator: ReusableVMWorkflowCreator;

  private constructor(creator: ReusableVMWorkflowCreator) {
    this.#creator = creator;
  }

  /** @param bundle path of the prebuilt bundle */
  static async open(bundle: string): Promise<WorkflowRuns> {
    const code = await readFile(bundle, 'utf8');
    const script = new Script(code, { filename: bundle });
    // Not its `create`, which has every promise of the process watched for stack traces.
    const creator = new ReusableVMWorkflowCreator(
      script,
      { code, filename: bundle, sourceMap: { version: 3, sources: [], names: [], mappings: '', file: bundle } },
      // No limit here: it would start a thread for each of the many calls into the sandbox that an activation has.
      undefined as unknown as number,
      new Set(),
    );
    return new WorkflowRuns(creator);
  }

  /**
   * Creates a run and the job with which it begins.
   *
   * @param chain of runs that continue one another
   */
  async begin(
    { workflowType, workflowId, taskQueue }: { workflowType: string; workflowId: string; taskQueue: string },
    args: Payload[],
    chain: { firstRunId?: string; continuedFrom?: string; seed: number },
    now: number,
  ): Promise<{ run: WorkflowRun; start: Job }> {
    const runId = randomUUID();
    const firstExecutionRunId = chain.firstRunId ?? runId;
    const randomnessSeed = toLong(chain.seed);
    const workflow = await this.#creator.createWorkflow({
      info: {
        workflowId,
        runId,
        workflowType,
        searchAttributes: {},
        typedSearchAttributes: new TypedSearchAttributes(),
        taskQueue,
        namespace: 'default',
        firstExecutionRunId,
        ...(chain.continuedFrom === undefined ? {} : { continuedFromExecutionRunId: chain.continuedFrom }),
        startTime: new Date(now),
        runStartTime: new Date(now),
        taskTimeoutMs: 10_000,
        attempt: 1,
        historyLength: 1,
        historySize: 1,
        continueAsNewSuggested: false,
        targetWorkerDeploymentVersionChanged: false,
        unsafe: { now: () => Date.now(), isReplaying: false, isReplayingHistoryEvents: false },
      } as unknown as Parameters<ReusableVMWorkflowCreator['createWorkflow']>[0]['info'],
      randomnessSeed: randomnessSeed.toBytes(),
      now,
      showStackTraceSources: false,
    });
    let historyLength = 3;
    const run: WorkflowRun = {
      runId,
      activate: async (jobs, time, continueAsNewSuggested) => {
        historyLength += jobs.length * 3;
        const activation = {
          runId,
          timestamp: msToTs(time),
          isReplaying: false,
          historyLength,
          historySizeBytes: toLong(historyLength * 500),
          continueAsNewSuggested,
          jobs,
        };
        const completion = await within(LONGEST_ACTIVATION, () => workflow.activate(activation));
        await workflow.getAndResetSinkCalls();
        const { failed, successful } = completion;
        if (failed?.failure != null || successful == null) {
          throw ApplicationFailure.create({
            type: 'WorkflowTaskFailed',
            message: failed?.failure?.message ?? 'the workflow task failed',
          });
        }
        return successful.commands ?? [];
      },
      dispose: () => workflow.dispose(),
    };
    const start: Job = {
      initializeWorkflow: {
        workflowType,
        workflowId,
        arguments: args,
        randomnessSeed,
        headers: {},
        identity: 'test',
        attempt: 1,
        firstExecutionRunId,
        startTime: msToTs(now),
        workflowTaskTimeout: msToTs(10_000),
        ...(chain.continuedFrom === undefined ? {} : { continuedFromExecutionRunId: chain.continuedFrom }),
      },
    };
    return { run, start };
  }

  async close(): Promise<void> {
    await this.#creator.destroy();
  }
}

export function toPayload(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value);
}

export function fromPayload(payload: Payload | null | undefined): unknown {
  return payload == null ? undefined : defaultPayloadConverter.fromPayload(payload);
}

/** The SDK's own whole numbers, by way of a time. */
function toLong(value: number): Long {
  return msToTs(value * 1000).seconds as Long;
}

type Long = NonNullable<ReturnType<typeof msToTs>['seconds']>;

export { tsToMs };
