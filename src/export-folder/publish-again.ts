import type { Folder, Part } from '../storage/folder.ts';
import { refuseFinished } from './refuse-finished.ts';

/**
 * Gives a finished part its final name in place of what an earlier attempt, or an earlier run, has left there: that was
 * made from what was known then. Only for what `manifest.json` makes valid, which is not there yet.
 *
 * @throws FinishedMeanwhileError when another attempt has finished the export
 * @throws Error when another attempt does the same at the same moment: trying again helps
 */
export async function publishAgain(folder: Folder, part: Part, name: string): Promise<void> {
  await refuseFinished(folder);
  await folder.remove(name);
  if (!(await part.publish(name))) throw writtenMeanwhile(folder, name);
}

/** Another attempt has published a file at the same moment. */
export function writtenMeanwhile({ location }: Pick<Folder, 'location'>, name: string): Error {
  const detail = `${location}/${name} was written by another attempt meanwhile`;
  return Object.assign(new Error(detail), { code: 'EEXIST' });
}
