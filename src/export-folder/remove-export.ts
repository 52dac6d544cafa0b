import type { Folder } from '../storage/folder.ts';
import { FOLDERS_OF_FILES, clearExport } from './clear-export.ts';
import { writeJson } from './json-document.ts';
import { FILES, STATE_FOLDER } from './layout.ts';
import { readMark } from './owner-mark.ts';
import type { RemovalRecord } from './removal-record.ts';
import { newRemoval, readRemoval } from './removal-record.ts';
import type { StoredExport } from './stored-exports.ts';

/** What makes a removal safe. */
export interface RemovalRules {
  /** Opens the export's folder (`''`), or one in it. */
  open(inside: string): Promise<Folder>;
  /**
   * Asked when no run can take the folder any more.
   *
   * @param now by the clock of the destination, in milliseconds since the epoch
   * @returns why the export must stay after all; undefined when nothing speaks against its removal
   */
  objection(now: number): Promise<string | undefined>;
}

export type Removed =
  /** Names of what is left in the folder, which is not ours. */
  { kind: 'removed'; left: string[] } | { kind: 'kept'; why: string };

const ENDED_ELSEWHERE: Removed = { kind: 'kept', why: 'another removal of it has just ended' };

/**
 * Removes an export: `manifest.json` first, so that what is left never passes for a complete export, and the record of the
 * removal last, so that a removal that was killed is completed by the next one. Only files of our names; folders only when
 * nothing is in them.
 */
export async function removeExport(found: StoredExport, rules: RemovalRules): Promise<Removed> {
  const folder = await rules.open('');
  const isHalf = found.state === 'half-removed';
  if (isHalf && (await readRemoval(folder)) === undefined) return ENDED_ELSEWHERE;
  const record: RemovalRecord = { ...newRemoval(found.mark, found.endedAt), ...(isHalf ? { begun: true } : {}) };
  await writeJson(folder, FILES.removing, record);
  // A run that takes the folder from now on sees the record, and gives way; one that has taken it is seen here.
  const mark = await readMark(folder);
  const now = await folder.lastChange(FILES.removing);
  if (now === undefined) return ENDED_ELSEWHERE;
  const isTaken = mark === undefined ? !isHalf : mark.mark !== found.mark.mark;
  let why: string | undefined = 'another run has just taken its folder';
  let isWanted = false;
  try {
    if (!isTaken) why = await rules.objection(now);
    isWanted = why === undefined;
  } finally {
    // What has been begun is to be completed later.
    if (!isWanted && (isTaken || !isHalf)) await folder.removeFile(FILES.removing);
  }
  if (why !== undefined) return { kind: 'kept', why };
  await writeJson(folder, FILES.removing, { ...record, begun: true });
  const ours = folder.guardedBy(() => requireOurs(folder, record));
  await ours.removeFile(FILES.manifest);
  await ours.removeFile(FILES.partialManifest);
  await ours.removeFile(FILES.mark);
  await clearExport(ours);
  for (const name of await ours.list(STATE_FOLDER)) {
    if (`${STATE_FOLDER}/${name}` !== FILES.removing) await ours.remove(`${STATE_FOLDER}/${name}`);
  }
  const folders = await folder.listFolders('');
  for (const inside of FOLDERS_OF_FILES.filter((name) => folders.includes(name))) {
    await (await rules.open(inside)).removeIfEmpty();
  }
  const left = (await folder.list('')).filter((name) => name !== STATE_FOLDER);
  await ours.removeFile(FILES.removing);
  await folder.removeIfEmpty();
  return { kind: 'removed', left };
}

/** Gives a folder free that a removal had claimed when it was killed. */
export async function forgetClaim(folder: Folder): Promise<void> {
  if ((await readRemoval(folder))?.begun !== true || (await folder.size(FILES.manifest)) !== undefined) {
    await folder.removeFile(FILES.removing);
  }
}

/** @throws Error when another run has the folder, or another removal has ended this one */
async function requireOurs(folder: Folder, record: RemovalRecord): Promise<void> {
  const [now, mark] = await Promise.all([readRemoval(folder), readMark(folder)]);
  if (now?.id === record.id && (mark === undefined || mark.mark === record.mark.mark)) return;
  throw new Error(`${folder.location}: something else has changed this folder; its removal is stopped`);
}
