import type { ScheduleSpec } from '@temporalio/client';
import { ScheduleAlreadyRunning } from '@temporalio/client';
import type { BulkExportWorkflow } from '../../client.ts';
import { scheduleOf } from '../../client/export-schedule.ts';
import type { ExportRequest, Incremental } from '../../contract.ts';
import { namedTaskQueue } from '../../process/task-queue.ts';
import { UsageError } from '../exit-codes.ts';
import { isUrl } from '../export/names.ts';
import type { RequestOptions } from '../export/request-of.ts';
import { requestOf } from '../export/request-of.ts';
import type { Temporal } from '../temporal.ts';
import { knownSchedule } from './known.ts';
import { differences, furtherSettings, losesMark, replaceSchedule } from './settings.ts';
import type { SpecOptions } from './spec.ts';
import { specOf } from './spec.ts';
import { wordsOfSpec } from './words.ts';

/** All options of `schedule create`. */
export interface CreateOptions extends RequestOptions, SpecOptions {
  destination?: string;
  incremental?: boolean;
  onIssues?: 'hold' | 'advance';
  newMembers?: 'full';
  replace?: boolean;
  json?: boolean;
}

/** A schedule after `schedule create`; `exists`: it was there, with the same content. */
export interface Created {
  scheduleId: string;
  how: 'created' | 'exists' | 'changed';
  when: string;
  /** ISO 8601 in UTC. */
  next: string[];
  paused: boolean;
  /** Of the workers that run its exports. */
  taskQueue: string;
  /** What it has that this command has no option for, in words. */
  kept: string[];
}

/**
 * Creates a schedule of exports, unless the same one exists.
 *
 * @param source name of a server in the configuration of the workers
 * @throws UsageError when the options are wrong, or another schedule has the id
 */
export async function createSchedule(
  temporal: Temporal,
  scheduleId: string,
  source: string,
  options: CreateOptions,
): Promise<Created> {
  const { client } = temporal;
  const { times, request } = readSchedule(source, options);
  const definition = (taskQueue?: string) => scheduleOf(request, { scheduleId, spec: times, taskQueue });
  let how: Created['how'] = 'created';
  try {
    await client.schedule.create<BulkExportWorkflow>({ scheduleId, ...definition() });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw faultOfSpec(error, options);
    const found = await knownSchedule(temporal, scheduleId);
    if (options.replace === true) {
      // The shell in which this is typed need not be that of the deployment.
      const wanted = definition(namedTaskQueue(process.env) ?? found.action.taskQueue);
      const isSame = differences(found, wanted, options).length === 0 && !losesMark(found.policies);
      how = isSame ? 'exists' : 'changed';
      // Also the same one: what Temporal keeps of it is encrypted with the newest key then.
      await replaceSchedule(temporal, scheduleId, wanted).catch((fault: unknown) => {
        throw faultOfSpec(fault, options);
      });
    } else {
      const others = [...differences(found, definition(), options), ...furtherSettings(found)];
      if (others.length > 0) throw taken(scheduleId, others);
      how = 'exists';
    }
  }
  const schedule = await knownSchedule(temporal, scheduleId);
  const { spec, info, state, action } = schedule;
  const next = info.nextActionTimes.map((time) => time.toISOString());
  const kept = furtherSettings(schedule);
  const { taskQueue } = action;
  return { scheduleId, how, when: wordsOfSpec(spec), next, paused: state.paused, taskQueue, kept };
}

/**
 * What the options mean, as far as it can be known without Temporal.
 *
 * @throws UsageError, or Error for a faulty environment
 */
export function readSchedule(source: string, options: CreateOptions): { times: ScheduleSpec; request: ExportRequest } {
  namedTaskQueue(process.env);
  return { times: specOf(options), request: scheduledRequest(source, options) };
}

/** What was created, for people. */
export function describeCreated({ scheduleId, how, when, next, paused, taskQueue, kept }: Created): string[] {
  const said = { created: 'was created', exists: 'exists already', changed: 'was changed; its mark stays' }[how];
  return [
    `${scheduleId} ${said}: ${when}.`,
    ...(paused ? ['It is paused.'] : [next[0] === undefined ? 'No such time ever comes.' : `Next: ${next[0]}`]),
    `Task queue: ${taskQueue}`,
    ...(kept.length === 0 ? [] : [`As it was before: ${kept.join(', ')}`]),
  ];
}

function scheduledRequest(source: string, options: CreateOptions): ExportRequest {
  const { incremental: isIncremental, onIssues, newMembers, since, destination: name } = options;
  if (isUrl(source)) {
    throw new UsageError('Workers elsewhere run the exports of a schedule: give the name of a server of theirs.');
  }
  if (since === 'last') throw new UsageError('--since last is for single exports: give --incremental instead.');
  if (onIssues !== undefined && isIncremental !== true) throw new UsageError('--on-issues is for --incremental.');
  if (newMembers !== undefined && isIncremental !== true) throw new UsageError('--new-members is for --incremental.');
  const incremental: Incremental = {
    ...(since === undefined ? {} : { initialSince: since }),
    ...(onIssues === undefined ? {} : { onIssues }),
    ...(newMembers === undefined ? {} : { newMembers }),
  };
  if (name === '') throw new UsageError('--destination is empty.');
  return requestOf(source, options, isIncremental === true ? undefined : since, {
    ...(name === undefined ? {} : { destination: { name } }),
    ...(isIncremental === true ? { incremental } : {}),
  });
}

function taken(scheduleId: string, others: readonly string[]): UsageError {
  return new UsageError(
    `Another schedule has the id ${scheduleId} (its own: ${others.join(', ')}). "fhir-bulk-export schedule describe ` +
      `${scheduleId}" shows it. To give it this request and these times, add --replace: its mark stays, as far as it asks ` +
      'for the same data.',
  );
}

/** Temporal's words about the times, with the option that has them. */
function faultOfSpec(error: unknown, { cron, every, timeZone }: SpecOptions): unknown {
  // So the SDK throws what is wrong with a spec, and nothing else.
  if (!(error instanceof TypeError)) return error;
  const isZone = /time ?zone/i.test(error.message);
  const given = cron === undefined ? `--every ${every}` : `--cron ${cron.map((one) => `'${one}'`).join(' --cron ')}`;
  return new UsageError(`${isZone ? `--time-zone ${timeZone}` : given}: Temporal refuses it (${error.message})`);
}
