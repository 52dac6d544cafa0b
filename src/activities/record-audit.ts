import type { AuditEvent } from '../audit/audit-record.ts';
import type { RecordName } from '../audit/audit-trail.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import type { Config } from '../config.ts';
import { ExportError } from '../errors.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import { tidy } from '../fhir/quote.ts';
import type { ActivityDeps } from './deps.ts';
import { nameNewMembers } from './name-new-members.ts';
import type { Attempt } from './run-activity.ts';

export interface RecordAuditInput extends RecordName {
  ref: ExportRef;
  event: AuditEvent;
}

/**
 * Attempts at the record of an end for which all must be known that belongs to it: another worker may know it, or this one
 * in a moment. Later ones record what there is, and what is unknown: better than no record. They come a minute after the
 * first.
 */
const EXACT_ATTEMPTS = 6;

/** Records an event of an export in the audit trail, once. Whatever fails may be better at the next attempt. */
export async function recordAudit(
  { config, servers }: ActivityDeps,
  { ref, name, resetRun, event }: RecordAuditInput,
  attempt: Pick<Attempt, 'number'>,
): Promise<void> {
  if (config.audit === undefined) throw new Error('this worker has no audit.destination in its configuration');
  const unknown: string[] = [];
  const find = async <T>(what: string, look: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await look();
    } catch (error) {
      if (event.event === 'start' || attempt.number <= EXACT_ATTEMPTS) throw error;
      unknown.push(`${what}: ${tidy((error as Error).message, 300)}`);
      return undefined;
    }
  };
  try {
    const trail = await AuditTrail.open(config.audit);
    const baseUrl = await find('baseUrl', async () => (await servers.get(ref.server)).config.baseUrl);
    const parameters = await find('patient', () => parametersOf(config, ref, event, baseUrl));
    const manifestSha256 = needsHash(event)
      ? await find('manifestSha256', async () => (await ExportFolder.open(config, ref)).result.manifestHash())
      : undefined;
    // An export whose start could not be recorded ends because of that.
    if (event.event === 'end' && event.outcome !== 'AuditFailed') {
      await find('start', async () => {
        if ((await trail.hasStart({ name })) === false)
          throw new Error(`its record is not at the audit.destination that this worker sees`);
      });
    }
    await trail.record(
      { name, resetRun },
      { ...event, parameters: parameters ?? event.parameters },
      {
        ...(baseUrl === undefined ? {} : { baseUrl }),
        ...(manifestSha256 === undefined ? {} : { manifestSha256 }),
        ...(unknown.length === 0 ? {} : { unknown }),
      },
    );
  } catch (error) {
    // A failure of the table would be final, and the trail may be there again within its time.
    throw new Error(`audit: ${(error as Error).message}`, { cause: error });
  }
}

/** With the new members whose data is asked for: no history may name them. A request for none of them fails later. */
async function parametersOf(
  config: Config,
  { destination }: ExportRef,
  event: AuditEvent,
  baseUrl: string | undefined,
): Promise<AuditEvent['parameters']> {
  const { newMembersOf, parameters } = event;
  if (newMembersOf === undefined) return parameters;
  const none = `${newMembersOf} has no list of new members`;
  if (baseUrl === undefined) throw new Error(`${none} of an unknown server`);
  try {
    return (await nameNewMembers(config, { destination, baseUrl }, event)).parameters;
  } catch (error) {
    if (!(error instanceof ExportError) || error.code !== 'InvalidRequest') throw error;
    return parameters;
  }
}

/** Settling hands it over, unless an earlier version settled the export, or it could not be read then. */
function needsHash(event: AuditEvent): boolean {
  return event.event === 'end' && event.report !== undefined && event.manifestSha256 === undefined;
}
