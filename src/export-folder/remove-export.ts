import type { Folder } from '../storage/folder.ts';
import { FOLDERS_OF_FILES, clearExport } from './clear-export.ts';
import { writeJson } from './json-document.ts';
import { FILES, STATE_FOLDER } from './layout.ts';
import { readMark } from './owner-mark.ts';
import type { RemovalOrder, RemovalRecord } from './removal-record.ts';
import { newRemoval, readRemoval } from './removal-record.ts';
import type { StoredExport } from './stored-exports.ts';
import { storedExport } from './stored-exports.ts';

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
  /** Who removes it, and why. That of a removal which had begun before stays. */
  order?: RemovalOrder | undefined;
  /**
   * Called when all is gone but the record of the removal, with its order: so that a call which is killed, or for which this
   * fails, is followed by one that does it again.
   */
  ended?(removal: RemovalRecord & { order: RemovalOrder }): Promise<void>;
}

export type Removed =
  /** Names of what is left in the folder, which is not ours. */
  { kind: 'removed'; left: string[] } | { kind: 'kept'; why: string };

const ENDED = 'another removal of it has just ended';
const AT_WORK = 'another removal of it is at work';

/**
 * Removes an export: `manifest.json` first, so that what is left never passes for a complete export, and the record of the
 * removal last, so that a removal that was killed is completed by the next one. Only files of our names; folders only when
 * nothing is in them.
 *
 * @param found as it was when it was found to be old; one that has changed since stays
 */
export async function removeExport(found: StoredExport, rules: RemovalRules): Promise<Removed> {
  const folder = await rules.open('');
  const record = recordOf(found, rules.order);
  const other = await claim(folder, record, found.removal);
  if (other !== undefined) return { kind: 'kept', why: other };
  let why: string | undefined;
  let isWanted = false;
  try {
    const now = await folder.lastChange(FILES.removing);
    // Temporal first: what has ended there changes no more.
    why = now === undefined ? ENDED : ((await rules.objection(now)) ?? (await changeOf(folder, found)));
    isWanted = why === undefined;
  } finally {
    if (!isWanted) await giveBack(folder, record, found.removal !== undefined);
  }
  if (why !== undefined) return { kind: 'kept', why };
  const ours = folder.guardedBy(() => requireOurs(folder, record));
  // Nobody goes on with it. Who has no right to remove files fails here, with nothing begun.
  await ours.removeFile(FILES.partialManifest);
  await writeJson(ours, FILES.removing, { ...record, begun: true });
  await ours.removeFile(FILES.manifest);
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
  const { order } = record;
  if (order !== undefined) await rules.ended?.({ ...record, order });
  await ours.removeFile(FILES.removing);
  await folder.removeIfEmpty();
  return { kind: 'removed', left };
}

/** What an earlier call has begun goes on as it began. */
function recordOf({ mark, endedAt, removal }: StoredExport, own: RemovalOrder | undefined): RemovalRecord {
  const begun = removal?.begun === true;
  const order = (begun ? removal.order : undefined) ?? own;
  return {
    ...newRemoval(mark, endedAt),
    ...(begun ? { begun } : {}),
    ...(order === undefined ? {} : { order }),
  };
}

/**
 * Gives a folder free that a removal had claimed when it was killed.
 *
 * @param seen its record; another one stays
 */
export async function forgetClaim(folder: Folder, seen: RemovalRecord): Promise<void> {
  if (!isSame(await readRemoval(folder), seen)) return;
  if (seen.begun === true && (await folder.size(FILES.manifest)) === undefined) return;
  await folder.removeFile(FILES.removing);
}

/**
 * No run can take the folder from now on: it sees the record, and gives way; one that has taken it is seen afterwards. Of
 * two removals, the first one alone goes on, unless its record was already there when the other began to look: then it was
 * probably killed, and if it was not, it stops at its next look.
 *
 * @param seen the record that was there before
 * @returns why the folder must be left alone
 */
async function claim(folder: Folder, own: RemovalRecord, seen: RemovalRecord | undefined): Promise<string | undefined> {
  if (seen === undefined) {
    if (await folder.create(FILES.removing, JSON.stringify(own))) return undefined;
    // The answer to the first try may have been lost.
    return (await readRemoval(folder))?.id === own.id ? undefined : AT_WORK;
  }
  const there = await readRemoval(folder);
  if (there === undefined) {
    await folder.removeIfEmpty();
    return ENDED;
  }
  if (!isSame(there, seen)) return AT_WORK;
  await writeJson(folder, FILES.removing, own);
  return undefined;
}

function isSame(one: RemovalRecord | undefined, other: RemovalRecord): boolean {
  return one?.id === other.id && one.begun === other.begun;
}

/** Why it is not what it was when it was found to be old. */
async function changeOf(folder: Folder, found: StoredExport): Promise<string | undefined> {
  const now = await storedExport(folder, '');
  if ('why' in now) return `it is no export any more: ${now.why}`;
  if (now.mark.mark !== found.mark.mark) return 'another run has just taken its folder';
  return now.state === found.state && now.endedAt === found.endedAt ? undefined : 'it has just changed';
}

/** Takes the own record away from a folder that must stay; what a removal has begun is to be completed later. */
async function giveBack(folder: Folder, own: RemovalRecord, isTakenOver: boolean): Promise<void> {
  if ((await readRemoval(folder))?.id !== own.id) return;
  const mark = await readMark(folder);
  if (mark === undefined || mark.mark === own.mark.mark) {
    if (own.begun === true && (await folder.size(FILES.manifest)) === undefined) return;
    // The removal before was at work still, and has begun: without any record nobody would know what this folder is.
    if (isTakenOver && mark === undefined) return writeJson(folder, FILES.removing, { ...own, begun: true });
  }
  await folder.removeFile(FILES.removing);
  await folder.removeIfEmpty();
}

/** @throws Error when another run has the folder, or another removal has ended this one */
async function requireOurs(folder: Folder, record: RemovalRecord): Promise<void> {
  const [now, mark] = await Promise.all([readRemoval(folder), readMark(folder)]);
  if (now?.id === record.id && (mark === undefined || mark.mark === record.mark.mark)) return;
  throw new Error(`${folder.location}: something else has changed this folder; its removal is stopped`);
}
