import type { Client } from '@temporalio/client';
import type { HistoryEvent } from '../support/runs.ts';
import { runsOf } from '../support/runs.ts';

/** What the histories of an export's runs come to. */
export interface HistoryFigures {
  runs: number;
  events: number;
  /** Events and bytes of the longest run. */
  mostEvents: number;
  mostBytes: number;
  /** Bytes of the largest input, result, memo, heartbeat, or state handed to the next run. */
  biggestPayload: number;
  /** Seconds that the longest poll, which reads the manifest, and settling took. */
  poll: number;
  settle: number;
}

export async function measureHistories(client: Client, workflowId: string): Promise<HistoryFigures> {
  const runs = await runsOf(client, workflowId);
  const sizes: number[] = [];
  for (const [first] of runs) {
    const runId = first?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? '';
    sizes.push((await client.workflow.getHandle(workflowId, runId).describe()).historySize ?? 0);
  }
  return {
    runs: runs.length,
    events: runs.reduce((sum, events) => sum + events.length, 0),
    mostEvents: Math.max(...runs.map((events) => events.length)),
    mostBytes: Math.max(...sizes),
    biggestPayload: biggestPayload(runs),
    poll: longestActivity(runs, 'pollStatus'),
    settle: longestActivity(runs, 'settleExport'),
  };
}

function longestActivity(runs: readonly HistoryEvent[][], type: string): number {
  let longest = 0;
  for (const events of runs) {
    const byId = new Map(events.map((event) => [String(event.eventId), event]));
    for (const { activityTaskCompletedEventAttributes: completed, eventTime } of events) {
      const scheduled = byId.get(String(completed?.scheduledEventId))?.activityTaskScheduledEventAttributes;
      if (scheduled?.activityType?.name !== type) continue;
      longest = Math.max(
        longest,
        secondsOf(eventTime) - secondsOf(byId.get(String(completed?.startedEventId))?.eventTime),
      );
    }
  }
  return Math.round(longest * 10) / 10;
}

function secondsOf(time: HistoryEvent['eventTime']): number {
  return Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
}

/** Wherever they are in an event: payloads are what has bytes named `data`. */
function biggestPayload(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0;
  const { data } = value as { data?: unknown };
  if (data instanceof Uint8Array) return data.length;
  return Object.values(value).reduce<number>((most, one) => Math.max(most, biggestPayload(one)), 0);
}
