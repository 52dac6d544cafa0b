import type { MemberList, NewMembers } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { ActivityDeps } from './deps.ts';
import { earlierMembers } from './earlier-members.ts';
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
 * for that one again. Where it is not known who they are, it is a copy of the list of the export before, so that the folder of
 * that one is not needed any more.
 *
 * @throws ExportError `DestinationFailed`
 */
export async function keepMembers(
  { config, servers }: Pick<ActivityDeps, 'config' | 'servers'>,
  { ref, requestHash, isWhole, report, last }: KeepMembersInput,
): Promise<NewMembers> {
  const folder = await ExportFolder.open(config, ref, { starting: true });
  const found = await folder.members.found(requestHash);
  const brought = isWhole ? found?.members : found?.gained && without(found.members, found.gained);
  const members = brought ?? (await earlier());
  if (members === undefined) return { ...report, ...(last === undefined ? {} : { list: last }) };
  const kept: NewMembers = { ...report, list: { destination: ref.destination, path: ref.path } };
  await folder.members.saveKnown({ requestHash, members, isWhole, report: kept });
  return kept;

  /** The export does without them, if their destination is away. */
  async function earlier(): Promise<readonly string[] | undefined> {
    return earlierMembers(config, await servers.get(ref.server), { last, requestHash }).catch((error: unknown) => {
      if (error instanceof ExportError) return undefined;
      throw error;
    });
  }
}
