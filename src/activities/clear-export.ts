import type { ExportFolder } from '../storage/export-folder.ts';
import { FILES } from './export-state.ts';

/** Removes all that came from an earlier job: files of two jobs belong to two moments and must not be mixed. */
export async function clearExport(folder: ExportFolder): Promise<void> {
  const keep: ReadonlySet<string> = new Set([FILES.mark, FILES.job]);
  for (const name of await folder.list('')) {
    if (name !== '.export' && name !== 'log.ndjson') await folder.remove(name);
  }
  for (const name of await folder.list('.export')) {
    if (!keep.has(`.export/${name}`)) await folder.remove(`.export/${name}`);
  }
}
