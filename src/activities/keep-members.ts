import type { MemberList, NewMembers } from '../contract.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { ActivityDeps } from './deps.ts';
import { without } from './find-members.ts';

export interface KeepMembersInput {
  ref: ExportRef;
  requestHash: string;
  /** All data of those whom the group has gained is there, or comes with this export. */
  isWhole: boolean;
  /** As far as it is known. */
  report: Omit<NewMembers, 'list'>;
  /** With which this export has compared. */
  last?: MemberList;
}

/**
 * Stores the list with which the export after this one compares. It holds only those whose data has come: the others are new
 * for that one again. Where it is not known who they are, the list stays that of the export before.
 *
 * @throws ExportError `DestinationFailed`
 */
export async function keepMembers(
  { config }: ActivityDeps,
  { ref, requestHash, isWhole, report, last }: KeepMembersInput,
): Promise<NewMembers> {
  const folder = await ExportFolder.open(config, ref, { starting: true });
  const found = await folder.members.found(requestHash);
  const members = isWhole ? found?.members : found?.gained && without(found.members, found.gained);
  if (members === undefined) return { ...report, ...(last === undefined ? {} : { list: last }) };
  const kept: NewMembers = { ...report, list: { destination: ref.destination, path: ref.path } };
  await folder.members.saveKnown({ requestHash, members, isWhole, report: kept });
  return kept;
}
