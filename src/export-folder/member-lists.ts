import type { MemberList, NewMembers } from '../contract.ts';
import type { Folder } from '../storage/folder.ts';
import { readJson, writeJson } from './json-document.ts';
import { FILES } from './layout.ts';

/** `.export/members-found.json`: who the members were before anything was asked of the server. */
export interface FoundMembers {
  /** Of the data that is asked for, as in the report. */
  requestHash: string;
  /** Of the FHIR server: elsewhere the same ids are other patients. */
  baseUrl: string;
  groupId: string;
  /** Logical ids of Patients. */
  members: string[];
  /** Those among them whose data no export has brought; absent where that is not known. */
  gained?: string[];
}

/** `.export/members-known.json`: those of them whose data has come when this export is complete. */
export interface KnownMembers {
  requestHash: string;
  members: readonly string[];
  /** All that were gained are among them. */
  isWhole: boolean;
  report: NewMembers;
}

/**
 * Lists of the members of a group: what an export found, and what the one after it compares with. They name patients, and
 * so they are at the destination alone.
 */
export class MemberLists {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** What an earlier attempt has found; undefined when there was none for this request. */
  async found(requestHash: string): Promise<FoundMembers | undefined> {
    const found = await readJson<FoundMembers>(this.#folder, FILES.foundMembers);
    return found?.requestHash === requestHash ? found : undefined;
  }

  saveFound(found: FoundMembers): Promise<void> {
    return writeJson(this.#folder, FILES.foundMembers, found);
  }

  async known(requestHash: string): Promise<KnownMembers | undefined> {
    const known = await readJson<KnownMembers>(this.#folder, FILES.knownMembers);
    return known?.requestHash === requestHash ? known : undefined;
  }

  saveKnown(known: KnownMembers): Promise<void> {
    return writeJson(this.#folder, FILES.knownMembers, known);
  }
}

/**
 * The members whose data an earlier, complete export and those before it have brought. Changes nothing.
 *
 * @param root the destination itself
 * @returns undefined when there is no such list any more, or it is of other data
 */
export async function knownMembersAt(
  root: Folder,
  { path }: Pick<MemberList, 'path'>,
  requestHash: string,
): Promise<readonly string[] | undefined> {
  const known = await readJson<KnownMembers>(root, `${path}/${FILES.knownMembers}`);
  return known?.requestHash === requestHash ? known.members : undefined;
}

/** The members that an export has found to be new; undefined when there is no such list. Changes nothing. */
export async function gainedMembersAt(
  root: Folder,
  path: string,
  group: { baseUrl: string; groupId: string | undefined },
): Promise<readonly string[] | undefined> {
  const found = await readJson<FoundMembers>(root, `${path}/${FILES.foundMembers}`);
  return found?.groupId === group.groupId && found?.baseUrl === group.baseUrl ? found?.gained : undefined;
}
