import type { Folder } from '../storage/folder.ts';
import { FILES, STATE_FOLDER } from './layout.ts';

/** What an export leaves at its end, beside its files. */
const FINAL: ReadonlySet<string> = new Set([FILES.manifest, FILES.partialManifest, FILES.log, FILES.deletions]);
const NUMBERED = /^[A-Z][A-Za-z0-9]{0,63}\.\d{5,}\.ndjson$/;

/** The names that this project gives, by folder. Whatever else is there is somebody else's. */
const OURS: readonly { folder: string; isOurs(name: string): boolean }[] = [
  { folder: '', isOurs: (name) => NUMBERED.test(name) || FINAL.has(name) },
  { folder: 'deleted', isOurs: (name) => NUMBERED.test(name) },
  { folder: 'error', isOurs: (name) => NUMBERED.test(name) || name === 'summary.json' },
  { folder: 'attachments', isOurs: (name) => /^[0-9a-f]{64}$/.test(name) || name === 'index.ndjson' },
];

/**
 * What says whose folder it is, and of which job, and what has been done for the job to come; and who the members were
 * before any job.
 */
const KEPT: ReadonlySet<string> = new Set([
  FILES.mark,
  FILES.takenOver,
  FILES.removing,
  FILES.job,
  FILES.intents,
  FILES.answers,
  FILES.foundMembers,
  FILES.knownMembers,
]);

/** Folders of files, which may be empty when these are removed. */
export const FOLDERS_OF_FILES: readonly string[] = OURS.map(({ folder }) => folder).filter((folder) => folder !== '');

/**
 * Removes all that came from an earlier job, but what the server has answered: files of two jobs belong to two moments and must not be mixed. Only files of
 * our names, and never a folder but `.export`, whose name no path may have: another export may be in any other.
 */
export async function clearExport(folder: Folder): Promise<void> {
  // Before the files: an attempt at the earlier job that has passed the check of the owner may be about to give its part
  // a name. It has done so before the names are listed, or finds its part gone.
  await folder.removeParts(isOurName);
  // A link to a folder leads to files of others.
  const folders = new Set(['', ...(await folder.listFolders(''))]);
  for (const { folder: inside, isOurs } of OURS) {
    if (!folders.has(inside)) continue;
    const all = await folder.list(inside);
    // Somebody has put an export there, which a request cannot.
    if (inside !== '' && all.includes(STATE_FOLDER)) continue;
    const names = all.filter(isOurs);
    await folder.removeFiles(names.map((name) => (inside === '' ? name : `${inside}/${name}`)));
  }
  for (const name of await folder.list(STATE_FOLDER)) {
    const file = `${STATE_FOLDER}/${name}`;
    if (!KEPT.has(file) && name !== 'parts') await folder.remove(file);
  }
  // What other attempts have written meanwhile.
  await folder.removeParts(isOurName);
}

/** Of a path in an export's folder: an upload of another name is somebody else's, or of an export below. */
function isOurName(path: string): boolean {
  const [folder = '', name = path] = /^(?:([^/]*)\/)?(.*)$/s.exec(path)?.slice(1) ?? [];
  return folder === STATE_FOLDER || OURS.some((one) => one.folder === folder && one.isOurs(name));
}
