import { randomUUID } from 'node:crypto';
import { ExportError } from '../errors.ts';
import type { Folder } from '../storage/folder.ts';
import { readJson } from './json-document.ts';
import { FILES } from './layout.ts';
import type { ExportMark } from './owner-mark.ts';

/** Who removes an export, and why: what the audit trail is told when it is gone. */
export interface RemovalOrder {
  /** The same until the removal is complete, however many calls that takes. */
  id: string;
  /** ISO 8601. */
  orderedAt: string;
  requestedBy?: string;
  /** Of the destination: ISO 8601. */
  retention: string;
  /** Options of the command. */
  all?: true;
  forgotten?: true;
  /** What the export was; absent where an earlier version has begun to remove it. */
  state?: 'complete' | 'unfinished';
}

/**
 * `.export/removing.json`: the export is to be removed, and no run may take its folder. Written before anything is removed,
 * and removed last, so that a removal that was killed is known as one, and completed.
 */
export interface RemovalRecord {
  format: 1;
  /** Of this removal. */
  id: string;
  /** Whose files are removed: `.export/export.json` goes early. */
  mark: ExportMark;
  /** When the export ended. */
  endedAt: string;
  /** Nothing spoke against it, and files may be missing. Absent: whether it may be removed was still to be asked. */
  begun?: true;
  /** Where there is an audit trail. */
  order?: RemovalOrder;
}

export function newRemoval(mark: ExportMark, endedAt: number): RemovalRecord {
  return { format: 1, id: randomUUID(), mark, endedAt: new Date(endedAt).toISOString() };
}

export function readRemoval(folder: Folder): Promise<RemovalRecord | undefined> {
  return readJson<RemovalRecord>(folder, FILES.removing);
}

/**
 * No run may take a folder of which a part is removed: it would go on with files that are not there.
 *
 * @throws ExportError `DestinationNotEmpty`
 */
export async function refuseRemoval(folder: Folder): Promise<void> {
  if ((await folder.size(FILES.removing)) === undefined) return;
  throw new ExportError(
    'DestinationNotEmpty',
    `${folder.location} holds an export that is being removed; choose another path, or run "fhir-bulk-export remove-old", which completes the removal`,
  );
}
