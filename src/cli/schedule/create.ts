import { isDeepStrictEqual } from 'node:util';
import { ScheduleAlreadyRunning } from '@temporalio/client';
import type { BulkExportWorkflow } from '../../client.ts';
import { createExportSchedule } from '../../client.ts';
import type { ExportScheduleOptions } from '../../client/export-schedule.ts';
import { scheduleOf } from '../../client/export-schedule.ts';
import type { ExportRequest, Incremental } from '../../contract.ts';
import { UsageError } from '../exit-codes.ts';
import { isUrl } from '../export/names.ts';
import type { RequestOptions } from '../export/request-of.ts';
import { requestOf } from '../export/request-of.ts';
import type { Temporal } from '../temporal.ts';
import type { KnownSchedule } from './known.ts';
import { knownSchedule } from './known.ts';
import type { SpecOptions } from './spec.ts';
import { isSameSpec, specOf } from './spec.ts';
import { wordsOfSpec } from './words.ts';

/** All options of `schedule create`. */
export interface CreateOptions extends RequestOptions, SpecOptions {
  destination?: string;
  incremental?: boolean;
  onIssues?: 'hold' | 'advance';
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
}

/** As {@link scheduleOf} makes it, and Temporal tells it. */
const POLICIES = { overlap: 'SKIP', catchupWindow: 3_600_000, pauseOnFailure: false };

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
  const schedule = { scheduleId, spec: specOf(options) };
  const request = scheduledRequest(source, options);
  let how: Created['how'] = 'created';
  try {
    await client.schedule.create<BulkExportWorkflow>({ scheduleId, ...scheduleOf(request, schedule) });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw faultOfSpec(error, options);
    const found = await knownSchedule(temporal, scheduleId);
    how = isSame(found, request, schedule, options) ? 'exists' : 'changed';
    if (options.replace === true) {
      // Also the same one: what Temporal keeps of it is encrypted with the newest key then.
      await createExportSchedule(client, request, schedule).catch((fault: unknown) => {
        throw faultOfSpec(fault, options);
      });
    } else if (how === 'changed') {
      throw taken(scheduleId);
    }
  }
  const { spec, info, state } = await knownSchedule(temporal, scheduleId);
  const next = info.nextActionTimes.map((time) => time.toISOString());
  return { scheduleId, how, when: wordsOfSpec(spec), next, paused: state.paused };
}

/** What was created, for people. */
export function describeCreated({ scheduleId, how, when, next, paused }: Created): string[] {
  const said = { created: 'was created', exists: 'exists already', changed: 'was changed; its mark stays' }[how];
  return [
    `${scheduleId} ${said}: ${when}.`,
    ...(paused ? ['It is paused.'] : [next[0] === undefined ? 'No such time ever comes.' : `Next: ${next[0]}`]),
  ];
}

function scheduledRequest(source: string, options: CreateOptions): ExportRequest {
  const { incremental: isIncremental, onIssues, since, destination: name } = options;
  if (isUrl(source)) {
    throw new UsageError('Workers elsewhere run the exports of a schedule: give the name of a server of theirs.');
  }
  if (since === 'last') throw new UsageError('--since last is for single exports: give --incremental instead.');
  if (onIssues !== undefined && isIncremental !== true) throw new UsageError('--on-issues is for --incremental.');
  const incremental: Incremental = {
    ...(since === undefined ? {} : { initialSince: since }),
    ...(onIssues === undefined ? {} : { onIssues }),
  };
  const { since: _, ...others } = options;
  return requestOf(source, others, isIncremental === true ? undefined : since, {
    ...(name === undefined ? {} : { destination: { name } }),
    ...(isIncremental === true ? { incremental } : {}),
  });
}

function isSame(
  found: KnownSchedule,
  request: ExportRequest,
  schedule: ExportScheduleOptions,
  options: CreateOptions,
): boolean {
  const { workflowId, taskQueue } = scheduleOf(request, schedule).action;
  const { action, policies } = found;
  return (
    isDeepStrictEqual(found.request, request) &&
    isDeepStrictEqual([action.workflowId, action.taskQueue], [workflowId, taskQueue]) &&
    isDeepStrictEqual(policies, POLICIES) &&
    isSameSpec(found.spec, options)
  );
}

function taken(scheduleId: string): UsageError {
  return new UsageError(
    `Another schedule has the id ${scheduleId}: "fhir-bulk-export schedule describe ${scheduleId}" shows it. To change it to ` +
      'this one, add --replace: its mark stays, as far as it asks for the same data.',
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
