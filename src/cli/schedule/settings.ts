import { isDeepStrictEqual } from 'node:util';
import type { BulkExportWorkflow } from '../../client.ts';
import type { scheduleOf } from '../../client/export-schedule.ts';
import type { Temporal } from '../temporal.ts';
import type { KnownSchedule } from './known.ts';
import type { SpecOptions } from './spec.ts';
import { hasTimes } from './spec.ts';

type Definition = ReturnType<typeof scheduleOf>;

/** Of `scheduleOf`, milliseconds. */
const CATCH_UP_WINDOW = 3_600_000;

/** What a schedule has that `schedule create` would make otherwise, in words. */
export function differences(found: KnownSchedule, { action }: Definition, options: SpecOptions): string[] {
  return [
    ...(isDeepStrictEqual([found.request], action.args) ? [] : ['request']),
    ...(hasTimes(found.spec, options) ? [] : ['times']),
    ...(found.action.taskQueue === action.taskQueue ? [] : [`task queue ${found.action.taskQueue}`]),
  ];
}

/** What a schedule has that `schedule create` has no option for, and other clients have given it, in words. */
export function furtherSettings({ scheduleId, spec, action, policies }: KnownSchedule): string[] {
  const { overlap, catchupWindow, pauseOnFailure } = policies;
  const settings: Record<string, boolean> = {
    [`workflow id ${action.workflowId}`]: action.workflowId !== scheduleId,
    jitter: isSet(spec.jitter),
    'times left out': (spec.skip ?? []).length > 0,
    'first time': spec.startAt !== undefined,
    'last time': spec.endAt !== undefined,
    [`overlap policy ${overlap}`]: overlap !== 'SKIP',
    'catch-up window': catchupWindow !== CATCH_UP_WINDOW,
    'pause on failure': pauseOnFailure,
    'execution timeout': isSet(action.workflowExecutionTimeout),
    'run timeout': isSet(action.workflowRunTimeout),
    'task timeout': isSet(action.workflowTaskTimeout),
    'retry policy': action.retry !== undefined,
  };
  return Object.keys(settings).filter((name) => settings[name]);
}

/** Gives a schedule another request and other times. What else it has stays, unless it costs the schedule its mark. */
export async function replaceSchedule(
  { client }: Temporal,
  scheduleId: string,
  { spec: times, action: start }: Definition,
): Promise<void> {
  await client.schedule.getHandle(scheduleId).update<BulkExportWorkflow>(({ spec, action, policies, state }) => {
    const { calendars: _, intervals: __, timezone, ...others } = spec;
    const zone = times.intervals === undefined || timezone === undefined ? {} : { timezone };
    return {
      spec: { ...others, ...zone, ...times },
      action: { ...action, ...start, workflowId: action.workflowId },
      policies: { ...policies, ...(losesMark(policies) ? { overlap: 'SKIP' as const } : {}) },
      state,
    };
  });
}

/** Whether exports are given no last result, or end without their clean-up. */
export function losesMark({ overlap }: KnownSchedule['policies']): boolean {
  return overlap === 'ALLOW_ALL' || overlap === 'TERMINATE_OTHER';
}

/** Absent or zero is the default. */
function isSet(time: string | number | undefined): boolean {
  return time !== undefined && time !== 0;
}
