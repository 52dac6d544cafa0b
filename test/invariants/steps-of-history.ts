import type { HistoryEvent } from '../support/runs.ts';

/** An activity of an export, as its history shows it. */
export interface Step {
  type: string;
  input: Record<string, unknown>;
  /** Empty where it failed. */
  result: Record<string, unknown>;
  failed: boolean;
  attempt: number;
  /** Milliseconds from the start of the last attempt to its end. */
  took: number;
  /** Seconds. */
  heartbeatTimeout: number;
  /** 0: any number. */
  maximumAttempts: number;
}

/** The activities of a run in the order of their end, and how many timers it has set. */
export function stepsOf(events: readonly HistoryEvent[]): { steps: Step[]; timers: number } {
  const byId = new Map(events.map((event) => [String(event.eventId), event]));
  const steps = events.flatMap((event): Step[] => {
    const ended = event.activityTaskCompletedEventAttributes ?? event.activityTaskFailedEventAttributes;
    if (ended == null) return [];
    const scheduled = byId.get(String(ended.scheduledEventId))?.activityTaskScheduledEventAttributes;
    const start = byId.get(String(ended.startedEventId));
    const result = 'result' in ended ? ended.result : undefined;
    return [
      {
        type: scheduled?.activityType?.name ?? '',
        input: read(scheduled?.input?.payloads?.[0]?.data),
        result: read(result?.payloads?.[0]?.data),
        failed: event.activityTaskFailedEventAttributes != null,
        attempt: start?.activityTaskStartedEventAttributes?.attempt ?? 0,
        took: millisecondsOf(event) - (start === undefined ? 0 : millisecondsOf(start)),
        heartbeatTimeout: Number(scheduled?.heartbeatTimeout?.seconds ?? 0),
        maximumAttempts: scheduled?.retryPolicy?.maximumAttempts ?? 0,
      },
    ];
  });
  return {
    steps,
    timers: events.filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes != null).length,
  };
}

/** Every payload of a run, in inputs, results, heartbeats, failures, memo and attributes: of arbitrary depth. */
export function payloadsOf(value: unknown): Buffer[] {
  if (value instanceof Uint8Array) return [Buffer.from(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(payloadsOf) : [];
}

function read(data: Uint8Array | null | undefined): Record<string, unknown> {
  const value: unknown = data == null || data.length === 0 ? undefined : JSON.parse(Buffer.from(data).toString());
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function millisecondsOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6;
}
