import type { ScheduleDescription } from '@temporalio/client';
import { ScheduleNotFoundError } from '@temporalio/client';
import type { ExportRequest } from '../../contract.ts';
import { BULK_EXPORT } from '../../contract.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import { UsageError } from '../exit-codes.ts';
import type { Temporal } from '../temporal.ts';
import { isConfigured, openTemporal } from '../temporal.ts';

/** A schedule of exports that Temporal has. */
export interface KnownSchedule extends ScheduleDescription {
  request: ExportRequest;
}

/**
 * Connects to the configured Temporal service. An embedded server ends with the last command, and its schedules would start
 * nothing.
 *
 * @throws UsageError when none is configured
 */
export async function openSchedules(): Promise<Temporal> {
  if (!isConfigured()) {
    throw new UsageError(
      'Schedules need a Temporal service that is always there, and workers: TEMPORAL_ADDRESS and the other TEMPORAL_* ' +
        "variables, or Temporal's configuration file, name it. None is configured, and the embedded server ends with the " +
        'last command.',
    );
  }
  return openTemporal(() => {});
}

/** @throws Error when Temporal has no such schedule, or its request cannot be read; UsageError when it starts no exports */
export async function knownSchedule(
  { client, address, namespace }: Temporal,
  scheduleId: string,
): Promise<KnownSchedule> {
  let found: ScheduleDescription;
  try {
    found = await tolerant(client).schedule.getHandle(scheduleId).describe();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    throw new Error(
      `Temporal at ${address}, namespace ${namespace}, has no schedule "${scheduleId}". "fhir-bulk-export schedule list" ` +
        'shows all.',
      { cause: error },
    );
  }
  if (found.action.workflowType !== BULK_EXPORT) {
    throw new UsageError(
      `The schedule "${scheduleId}" starts ${found.action.workflowType}, not exports: it is left alone.`,
    );
  }
  const [request] = (found.action.args ?? []) as [ExportRequest?];
  if (request === undefined) {
    throw new Error(
      `The request of the schedule "${scheduleId}" cannot be read: it is encrypted, and its key is not here ` +
        '(BULK_EXPORT_ENCRYPTION_KEYS, BULK_EXPORT_ENCRYPTION_KEYS_FILE).',
    );
  }
  return { ...found, request };
}
