import { ExportError } from '../errors.ts';
import type { Folder, Neighbour } from '../storage/folder.ts';
import { JobRecord, isAccepted, lastAccepted } from './job-record.ts';
import { readJson, writeJson } from './json-document.ts';
import { FILES, STATE_FOLDER, takenOverFile } from './layout.ts';
import type { ExportMark, Owner } from './owner-mark.ts';
import { newMark, readMark } from './owner-mark.ts';
import { refuseRemoval } from './removal-record.ts';

/** Who wants the folder, and for what. */
export interface Taker {
  owner: Owner;
  requestHash: string;
  /** The same without `_since`. */
  seriesHash: string;
  since?: string | undefined;
  /** Base URL of the FHIR server. */
  baseUrl: string;
  /** Whether an export is still running: the chain of runs that began with this one. */
  isRunning(owner: Owner): Promise<boolean>;
}

/**
 * Takes a folder for a run. It belongs to one request at one base URL: the same one continues what an earlier run has
 * begun; another one is refused, unless nothing is left of the earlier one.
 *
 * @throws ExportError `DestinationNotEmpty`
 */
export async function takeFolder(folder: Folder, taker: Taker): Promise<ExportMark> {
  try {
    return await take(folder, taker);
  } catch (error) {
    // Opened in vain: an empty folder in another export's would be all that stays.
    if (error instanceof ExportError) await folder.removeIfEmpty();
    throw error;
  }
}

async function take(folder: Folder, taker: Taker): Promise<ExportMark> {
  await refuseRemoval(folder);
  let found = await readMark(folder);
  if (found === undefined) {
    const fresh = await takeFresh(folder, taker);
    if (fresh !== undefined) return fresh;
    found = await readMark(folder);
    // Some storages keep to themselves for a while what they have: to be tried again, at the pace of a step's attempts.
    if (found === undefined) throw new Error(`${folder.location}: ${FILES.mark} is there, and is not given out`);
  }
  const isElsewhere = found.baseUrl !== undefined && found.baseUrl !== taker.baseUrl;
  if (isOfRun(found, taker.owner)) {
    // A retry of this activity after its report was lost.
    if (isElsewhere) throw notEmpty(folder, `was taken for ${found.baseUrl}`, 'start the export again');
    await lookAgain(folder, found);
    return found;
  }
  if (await isInUse(found, taker)) throw inUse(folder, found);
  if ((await folder.size(FILES.manifest)) !== undefined) {
    throw notEmpty(folder, 'holds a finished export', 'choose another path');
  }
  await refuseNeighbours(folder);
  const fresh = markOf(taker);
  if (found.requestHash === taker.requestHash && !isElsewhere) fresh.adopted = true;
  else await refuseRemains(folder, isElsewhere ? `of another server, ${found.baseUrl}` : 'with another request');
  const { earlier, mark } = await claim(folder, found, fresh, taker);
  // Whoever has taken the folder meanwhile must not be harmed: the earlier mark is looked for before each change.
  const ours = folder.guardedBy(async () => {
    const now = await readMark(folder);
    if (now === undefined || !earlier.has(now.mark)) throw new Error('another run is taking the folder as well');
  });
  if (mark.adopted !== true) await new JobRecord(ours).giveUp();
  // A mark of its own, so that activities that the earlier run left behind stop at their next look.
  await writeJson(ours, FILES.mark, mark);
  // A removal that has begun before looks for other marks when its record is there, and is stopped by them.
  await refuseRemoval(folder);
  return mark;
}

/** Undefined when another run was first. */
async function takeFresh(folder: Folder, taker: Taker): Promise<ExportMark | undefined> {
  await refuseNeighbours(folder);
  const others = (await folder.list('')).filter((name) => name !== STATE_FOLDER);
  if (others.length > 0) {
    throw notEmpty(folder, `holds other files (${others.slice(0, 3).join(', ')})`, 'choose another path');
  }
  if (!(await hasNoJob(folder))) {
    // Another run may have begun it meanwhile.
    if ((await readMark(folder)) !== undefined) return undefined;
    const advice = `put ${FILES.mark} back, or remove the folder if its files are not needed, or choose another path`;
    throw notEmpty(folder, `holds the job of an export, whose ${FILES.mark} is gone: nobody can say of which`, advice);
  }
  const fresh = markOf(taker);
  if (!(await folder.create(FILES.mark, JSON.stringify(fresh)))) return undefined;
  await lookAgain(folder, fresh);
  return fresh;
}

/**
 * Of two exports that are opened at the same moment, one inside the other, each may look before the mark of the other is
 * there; so each looks again when its own is. The inner one gives way; the outer one is tried again, and finds out
 * whether the inner one has.
 */
async function lookAgain(folder: Folder, own: ExportMark): Promise<void> {
  try {
    await refuseRemoval(folder);
  } catch (error) {
    await giveBack(folder, own);
    throw error;
  }
  const neighbour = await findNeighbour(folder);
  if (neighbour === undefined) return;
  await giveBack(folder, own);
  if (neighbour.is === 'above') throw hasNeighbour(folder, neighbour);
  throw new Error(`${folder.location}: an export is being opened below it`);
}

/** Takes the own mark away from a folder that was nobody's. */
async function giveBack(folder: Folder, own: ExportMark): Promise<void> {
  const now = await readMark(folder);
  if (now?.mark === own.mark && own.adopted !== true) await folder.removeFile(FILES.mark);
}

async function refuseNeighbours(folder: Folder): Promise<void> {
  const neighbour = await findNeighbour(folder);
  if (neighbour !== undefined) throw hasNeighbour(folder, neighbour);
}

/** Another export's folder, or what a removal has left of one so far: the record is there before the mark goes. */
function findNeighbour(folder: Folder): Promise<Neighbour | undefined> {
  return folder.findNeighbour(FILES.mark, FILES.removing);
}

/** Whether its job was deleted, or never begun. */
async function hasNoJob(folder: Folder): Promise<boolean> {
  const job = await new JobRecord(folder).read();
  const last = lastAccepted(job);
  const mayRun = (job?.unanswered ?? 0) > 0 || (!isAccepted(job) && (job?.doubts ?? 0) > 0);
  return !mayRun && (last === undefined || last.deleted === true);
}

/** Of another request no more may be left than that its job was deleted, or never begun. */
async function refuseRemains(folder: Folder, what: string): Promise<void> {
  const isOver = await hasNoJob(folder);
  // The log of a refusal is no file of the export; the next kick-off removes it.
  const others = (await folder.list('')).filter((name) => name !== STATE_FOLDER && name !== FILES.log);
  if (isOver && others.length === 0) return;
  throw notEmpty(
    folder,
    `belongs to an export ${what}`,
    isOver
      ? 'that export has ended: remove the folder if its files are not needed, or choose another path'
      : 'start that request again to finish it, or choose another path',
  );
}

/**
 * Makes sure that of several runs one alone follows on an earlier one; a run that ended before it had written its mark is
 * followed on itself.
 *
 * @returns the marks that the folder may have until then, and the one that it gets: attempts of one run agree on the one
 *   that claimed first
 */
async function claim(
  folder: Folder,
  found: ExportMark,
  fresh: ExportMark,
  taker: Taker,
): Promise<{ earlier: ReadonlySet<string>; mark: ExportMark }> {
  const earlier = new Set([found.mark]);
  for (let last = found; ;) {
    if (await folder.create(takenOverFile(last.mark), JSON.stringify(fresh))) return { earlier, mark: fresh };
    const next = await readJson<ExportMark>(folder, takenOverFile(last.mark));
    if (next === undefined) return { earlier, mark: fresh };
    if (isOfRun(next, fresh.owner)) return { earlier, mark: next };
    if (await isInUse(next, taker)) throw inUse(folder, next);
    earlier.add(next.mark);
    last = next;
  }
}

function markOf({ owner, requestHash, seriesHash, since, baseUrl }: Taker): ExportMark {
  return newMark(owner, { requestHash, seriesHash, baseUrl, ...(since === undefined ? {} : { since }) });
}

function isOfRun({ owner }: ExportMark, { workflowId, runId }: Owner): boolean {
  return owner.workflowId === workflowId && owner.runId === runId;
}

/** Earlier runs of the own chain have ended, or this one would not have begun. */
async function isInUse({ owner }: ExportMark, { owner: own, isRunning }: Taker): Promise<boolean> {
  const isOwn = owner.workflowId === own.workflowId && owner.firstRunId === own.firstRunId;
  return !isOwn && (await isRunning(owner));
}

function inUse(folder: Folder, { owner }: ExportMark): ExportError {
  return notEmpty(folder, `is in use by the running export ${owner.workflowId}`, 'choose another path, or wait for it');
}

function hasNeighbour(folder: Folder, { is, location }: Neighbour): ExportError {
  return notEmpty(
    folder,
    is === 'above' ? `is inside the folder of another export, ${location}` : `has another export in it, ${location}`,
    'choose a path that is beside it',
  );
}

function notEmpty(folder: Folder, why: string, advice: string): ExportError {
  return new ExportError('DestinationNotEmpty', `${folder.location} ${why}; ${advice}`);
}
