import type { ExportReport } from '../contract.ts';
import type { Folder } from '../storage/folder.ts';
import { exportFolders } from './export-folders.ts';
import { readJson } from './json-document.ts';
import { FILES } from './layout.ts';
import type { ExportMark } from './owner-mark.ts';
import type { RemovalRecord } from './removal-record.ts';

/** A folder that bears our mark. */
export interface StoredExport {
  /** Below the destination. */
  path: string;
  mark: ExportMark;
  /**
   * `complete`: its `manifest.json` is there; `unfinished`: it is not, because it failed or is running; `half-removed`: a
   * removal of it has begun.
   */
  state: 'complete' | 'unfinished' | 'half-removed';
  /** Milliseconds since the epoch, by the clock of the destination; of an unfinished one its last change. */
  endedAt: number;
  /** A removal was killed before it had begun to remove anything. */
  isClaimed?: true;
  /** Of a complete one. */
  report?: Pick<ExportReport, 'status' | 'transactionTime'>;
}

/** A folder with `.export` that is left alone. */
export interface UnknownFolder {
  path: string;
  why: string;
  /** It could not be read, or is damaged. */
  isFault?: true;
}

/**
 * All exports at a destination, whatever they asked for. Changes nothing.
 *
 * @param root the destination itself
 * @param isOutside of paths that belong to another destination
 * @throws ExportError when the destination cannot be read; Error when it is itself the folder of an export
 */
export async function* storedExports(
  root: Folder,
  isOutside: (path: string) => boolean,
): AsyncGenerator<StoredExport | UnknownFolder> {
  if ((await root.size(FILES.mark)) !== undefined || (await root.size(FILES.removing)) !== undefined) {
    throw new Error(`${root.location} is itself the folder of an export; a destination is a folder around them`);
  }
  for await (const path of exportFolders(root, { isOutside })) {
    let found: StoredExport | UnknownFolder;
    try {
      found = await look(root, path);
    } catch (error) {
      found = { path, why: (error as Error).message, isFault: true };
    }
    yield found;
  }
}

async function look(root: Folder, path: string): Promise<StoredExport | UnknownFolder> {
  const at = (name: string): string => `${path}/${name}`;
  const mark = await readJson<ExportMark>(root, at(FILES.mark));
  const removal = await readJson<RemovalRecord>(root, at(FILES.removing));
  const completeAt = await root.lastChange(at(FILES.manifest));
  if (removal?.begun === true && completeAt === undefined) {
    // A run that was about to take the folder has given up when it saw the record, but its mark may have stayed.
    const last = mark ?? removal.mark;
    if (removal.format !== 1 || !isOurs(removal.mark) || !isOurs(last) || Number.isNaN(Date.parse(removal.endedAt))) {
      return { path, why: `${FILES.removing} is not ours, or of a later version` };
    }
    return { path, mark: last, state: 'half-removed', endedAt: Date.parse(removal.endedAt) };
  }
  if (mark === undefined) return { path, why: `it has no ${FILES.mark}` };
  if (!isOurs(mark)) return { path, why: `${FILES.mark} is not ours, or of a later version` };
  const claim = removal === undefined ? {} : { isClaimed: true as const };
  if (completeAt === undefined) {
    const isClaimOf = removal?.mark?.mark === mark.mark && !Number.isNaN(Date.parse(removal.endedAt));
    // The record itself is no change of the export.
    const lastChange = isClaimOf ? Date.parse(removal.endedAt) : await root.lastChange(path);
    return lastChange === undefined
      ? { path, why: 'it changes just now' }
      : { path, mark, state: 'unfinished', endedAt: lastChange, ...claim };
  }
  const report = await readJson<ExportReport>(root, at(FILES.report));
  return {
    path,
    mark,
    state: 'complete',
    endedAt: completeAt,
    ...claim,
    ...(report === undefined ? {} : { report: { status: report.status, transactionTime: report.transactionTime } }),
  };
}

/** Whether it is a mark as this project writes it. Whatever else is there may be somebody's whose files are not ours. */
function isOurs(mark: unknown): mark is ExportMark {
  if (typeof mark !== 'object' || mark === null) return false;
  const { format, mark: id, requestHash, owner, createdAt } = mark as Partial<Record<keyof ExportMark, unknown>>;
  const { workflowId, firstRunId } = (owner ?? {}) as Record<string, unknown>;
  const texts = [id, requestHash, workflowId, firstRunId, createdAt];
  return format === 1 && texts.every((text) => typeof text === 'string' && text !== '');
}
