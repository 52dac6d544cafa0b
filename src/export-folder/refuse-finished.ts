import type { Folder } from '../storage/folder.ts';
import { FILES } from './layout.ts';

/** Another attempt at settling has finished the export meanwhile: its report holds. */
export class FinishedMeanwhileError extends Error {
  override readonly name = 'FinishedMeanwhileError';

  constructor({ location }: Pick<Folder, 'location'>) {
    super(`${location}: another attempt has finished the export meanwhile`);
  }
}

/**
 * An attempt that was frozen, or cut off from Temporal, may wake up when a later one has finished the export: it knows
 * less by then, because what only a running export needs has been removed. Or it finishes before the later one does.
 *
 * @throws FinishedMeanwhileError
 */
export async function refuseFinished(folder: Folder): Promise<void> {
  if ((await folder.size(FILES.manifest)) === undefined) return;
  throw new FinishedMeanwhileError(folder);
}
