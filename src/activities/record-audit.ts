import type { AuditEvent } from '../audit/audit-record.ts';
import { recordEvent } from '../audit/audit-trail.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { ActivityDeps } from './deps.ts';

export interface RecordAuditInput {
  ref: ExportRef;
  /** Of the export's records, below `audit.destination`. */
  name: string;
  event: AuditEvent;
}

/** Records an event of an export in the audit trail, once. Whatever fails may be better at the next attempt. */
export async function recordAudit({ config, servers }: ActivityDeps, input: RecordAuditInput): Promise<void> {
  const { ref, name, event } = input;
  if (config.audit === undefined) throw new Error('this worker has no audit.destination in its configuration');
  try {
    const { baseUrl } = (await servers.get(ref.server)).config;
    await recordEvent(config.audit, name, event, {
      baseUrl,
      ...(await manifestOf(event, () => ExportFolder.open(config, ref))),
    });
  } catch (error) {
    // A failure of the table would be final, and the trail may be there again within its time.
    throw new Error(`audit: ${(error as Error).message}`, { cause: error });
  }
}

async function manifestOf(event: AuditEvent, open: () => Promise<ExportFolder>): Promise<{ manifestSha256?: string }> {
  if (event.event !== 'end' || event.report === undefined) return {};
  return { manifestSha256: await (await open()).result.manifestHash() };
}
