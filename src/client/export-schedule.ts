import type {
  Client,
  ScheduleHandle,
  ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
  ScheduleSpec,
  ScheduleUpdateOptions,
} from '@temporalio/client';
import { ScheduleAlreadyRunning } from '@temporalio/client';
import type { ExportRequest } from '../contract.ts';
import { BULK_EXPORT } from '../contract.ts';
import { taskQueueOf } from '../process/task-queue.ts';
import { tolerant } from '../process/tolerant-client.ts';
import type { BulkExportWorkflow } from './started-export.ts';
import { summaryOf } from './summary-of.ts';

/** When exports are started, and how. */
export interface ExportScheduleOptions {
  scheduleId: string;
  /** When: Temporal's own, such as `{ cronExpressions: ['0 2 * * *'], jitter: '10 minutes' }`. Times are in UTC by default. */
  spec: ScheduleSpec;
  /** Of its exports: Temporal adds the time of the slot. Default: the id of the schedule. */
  workflowId?: string | undefined;
  /** Of the workers. Default: `BULK_EXPORT_TASK_QUEUE`, else `fhir-bulk-export`. */
  taskQueue?: string | undefined;
  /**
   * What happens in a slot while an export runs. Default `SKIP`: nothing. `ALLOW_ALL` is not offered, because exports are
   * given no last result then; nor is `TERMINATE_OTHER`, which leaves the server's job.
   */
  overlap?: Exclude<ScheduleOverlapPolicy, 'ALLOW_ALL' | 'TERMINATE_OTHER'> | undefined;
  /** How late a slot may be taken after an outage of Temporal. Default 1 hour: the next export brings the rest. */
  catchupWindow?: string | number | undefined;
  /** Default: as it is, and false for a new schedule. */
  paused?: boolean | undefined;
  /** For people. Default: as it is. */
  note?: string | undefined;
}

/** A schedule of exports. */
export interface ExportSchedule {
  /** Temporal's: describes, pauses, deletes. Its `trigger` gives the export no last result, unless `SKIP` is said. */
  handle: ScheduleHandle;
  /** Starts an export now, unless one runs. It goes on where the last one has ended, like those of the slots. */
  trigger(): Promise<void>;
}

/**
 * Creates a schedule of exports, or changes the one of that id to what is given: its mark stays. One that was deleted and
 * is created again knows no mark: see `initialSince` of the request.
 *
 * @param client a client of the namespace in which the workers are
 * @throws Error when the schedule of that id starts something else than exports: it stays as it is
 */
export async function createExportSchedule(
  client: Client,
  request: ExportRequest,
  options: ExportScheduleOptions,
): Promise<ExportSchedule> {
  const { scheduleId, paused, note } = options;
  const definition = scheduleOf(request, options);
  const state = { ...(paused === undefined ? {} : { paused }), ...(note === undefined ? {} : { note }) };
  try {
    await client.schedule.create<BulkExportWorkflow>({ scheduleId, ...definition, state });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { action } = await tolerant(client).schedule.getHandle(scheduleId).describe();
    if (action.workflowType !== BULK_EXPORT) {
      const message = `The schedule "${scheduleId}" starts ${action.workflowType}, not exports: it is left alone.`;
      throw new Error(message, { cause: error });
    }
    const update = ({ state: before }: { state: object }) => ({ ...definition, state: { ...before, ...state } });
    await client.schedule.getHandle(scheduleId).update<BulkExportWorkflow>(update);
  }
  const handle = client.schedule.getHandle(scheduleId);
  return { handle, trigger: () => handle.trigger('SKIP') };
}

/** A schedule of exports as Temporal is given it, without its state. */
export function scheduleOf(
  request: ExportRequest,
  {
    scheduleId,
    spec,
    workflowId = scheduleId,
    taskQueue,
    overlap = 'SKIP',
    catchupWindow = '1 hour',
  }: ExportScheduleOptions,
): Omit<ScheduleUpdateOptions<ScheduleOptionsStartWorkflowAction<BulkExportWorkflow>>, 'state'> {
  return {
    spec,
    action: {
      type: 'startWorkflow',
      workflowType: BULK_EXPORT,
      workflowId,
      staticSummary: summaryOf(request),
      taskQueue: taskQueue ?? taskQueueOf(process.env),
      args: [request],
    },
    // An export that has failed is made up for by the next one.
    policies: { overlap, catchupWindow, pauseOnFailure: false },
  };
}
