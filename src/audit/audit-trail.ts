import { openPlace } from '../storage/destinations.ts';
import type { AuditEvent } from './audit-record.ts';
import type { AuditConfig } from './audit-schema.ts';

/** What a worker adds to a record. */
interface Found {
  /** Of the FHIR server. */
  baseUrl: string;
  /** Hexadecimal, of the `manifest.json` of an export that is complete. */
  manifestSha256?: string;
}

/**
 * Records an event as an object of its own, which is never overwritten: a retry finds what it has written before.
 *
 * @param name of the export, the same for all its events
 * @throws Error when it cannot be written
 */
export async function recordEvent(
  { destination }: AuditConfig,
  name: string,
  event: AuditEvent,
  found: Found,
): Promise<void> {
  const folder = await openPlace(destination, '');
  const record = { time: new Date().toISOString(), ...event, ...found };
  await folder.create(`${name}.${event.event}.json`, `${JSON.stringify(record, null, 1)}\n`);
}
