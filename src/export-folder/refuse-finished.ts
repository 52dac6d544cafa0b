import type { Folder } from '../storage/folder.ts';
import { FILES } from './layout.ts';
import { takenOver } from './owner-mark.ts';

/**
 * An attempt that was frozen, or cut off from Temporal, may wake up when a later one has finished the export: it knows
 * less by then, because what only a running export needs has been removed.
 *
 * @throws ExportError `DestinationFailed`
 */
export async function refuseFinished(folder: Folder): Promise<void> {
  if ((await folder.size(FILES.manifest)) !== undefined) throw takenOver(folder);
}
