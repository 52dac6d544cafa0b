import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { EXPORT_GATE, gateId } from '../gate-contract.ts';
import type { GateInput } from '../policy/gate/gate-input.ts';
import type { GateTimes } from '../policy/gate/gate-state.ts';
import type { Ask, Leave } from '../policy/gate/messages.ts';
import { ACQUIRE, RELEASE } from '../policy/gate/messages.ts';
import { quoted } from './quoted.ts';

/** The gates of all servers, as activities reach them. Call it in an activity only. */
export interface Gates {
  /** Tells a gate what an export needs; starts the gate if it does not run. */
  ask(server: string, ask: Ask): Promise<void>;
  /** Tells a gate that an export is over, if the gate runs. */
  leave(server: string, leave: Leave): Promise<void>;
  /**
   * Whether the last gate before this one ended otherwise than by itself.
   *
   * @param runId of this one
   */
  wasCutOff(server: string, runId: string): Promise<boolean>;
}

/** Runs of a gate that are looked at, the latest of all: Temporal lists them first. */
const LISTED = 20;

/** Gates on the task queue of the activity that asks, by the client of its worker. */
export function gatesOf(times: GateTimes): Gates {
  const here = () => {
    const { client, info } = Context.current();
    return { workflow: client.workflow, taskQueue: info.taskQueue };
  };
  const { gateAsk, gateSweep, gatePressure, gateQuiet, gateIdle } = times;
  return {
    async ask(server, ask) {
      const { workflow, taskQueue } = here();
      const input: GateInput = { server, times: { gateAsk, gateSweep, gatePressure, gateQuiet, gateIdle } };
      await workflow.signalWithStart(EXPORT_GATE, {
        workflowId: gateId(server, taskQueue),
        taskQueue,
        args: [input],
        signal: ACQUIRE,
        signalArgs: [ask],
        // All exports of the server wait for it.
        priority: { priorityKey: 1 },
        staticSummary: `slots of ${server}`,
      });
    },
    async leave(server, leave) {
      const { workflow, taskQueue } = here();
      try {
        await workflow.getHandle(gateId(server, taskQueue)).signal(RELEASE, leave);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
    async wasCutOff(server, runId) {
      const { workflow, taskQueue } = here();
      const workflowId = gateId(server, taskQueue);
      let latest: { runId: string; startTime: Date } | undefined;
      let seen = 0;
      for await (const run of workflow.list({ query: `WorkflowId = ${quoted(workflowId)}`, pageSize: LISTED })) {
        if (run.runId !== runId && (latest === undefined || run.startTime > latest.startTime)) latest = run;
        if (++seen === LISTED) break;
      }
      if (latest === undefined) return false;
      // What is listed may be out of date.
      const { status } = await workflow.getHandle(workflowId, latest.runId).describe();
      return status.name !== 'COMPLETED';
    },
  };
}
