import type { ExportReport } from '../contract.ts';
import type { Folder } from '../storage/folder.ts';
import { exportFolders } from './export-folders.ts';
import { followOn } from './follow-on.ts';
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
  /**
   * Milliseconds since the epoch, by the clock of the destination; of an unfinished one its last change. Never before the
   * times that its documents name: the clock of a worker may have been wrong, or its files were put back with older times.
   */
  endedAt: number;
  /** That of a removal which was killed, or is at work just now. */
  removal?: RemovalRecord;
  /** Of a complete one. */
  report?: Pick<ExportReport, 'transactionTime' | 'newMembers'>;
  /** The `_since` of one that follows on it without a gap; absent: none can. */
  next?: string;
}

/** Whether the server of an export may give the end of the job as its `transactionTime`. */
export type TimeIsEnd = (mark: ExportMark) => boolean;

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
 * Folders that cannot be read are named last.
 *
 * @param root the destination itself
 * @param isOutside of paths that belong to another destination
 * @param timeIsEnd default: of no export
 * @throws ExportError when the destination cannot be read; Error when it is itself the folder of an export
 */
export async function* storedExports(
  root: Folder,
  isOutside: (path: string) => boolean,
  timeIsEnd?: TimeIsEnd,
): AsyncGenerator<StoredExport | UnknownFolder> {
  if ((await root.size(FILES.mark)) !== undefined || (await root.size(FILES.removing)) !== undefined) {
    throw new Error(`${root.location} is itself the folder of an export; a destination is a folder around them`);
  }
  const faults: UnknownFolder[] = [];
  const fault = (path: string, error: unknown): UnknownFolder => ({
    path,
    why: (error as Error).message,
    isFault: true,
  });
  const onUnreadable = (path: string, error: unknown): void => void faults.push(fault(path, error));
  for await (const path of exportFolders(root, { isOutside, onUnreadable })) {
    yield await storedExport(root, path, timeIsEnd).catch((error: unknown) => fault(path, error));
  }
  yield* faults;
}

/**
 * One folder that has `.export`, as it is now.
 *
 * @param path below `root`; empty: `root` itself
 * @throws ExportError when it cannot be read
 */
export async function storedExport(
  root: Folder,
  path: string,
  timeIsEnd: TimeIsEnd = () => false,
): Promise<StoredExport | UnknownFolder> {
  const at = (name: string): string => (path === '' ? name : `${path}/${name}`);
  const mark = await readJson<ExportMark>(root, at(FILES.mark));
  const removal = await readJson<RemovalRecord>(root, at(FILES.removing));
  const completeAt = await root.lastChange(at(FILES.manifest));
  if (removal?.begun === true && completeAt === undefined) {
    // A run that was about to take the folder has given up when it saw the record, but its mark may have stayed.
    const last = mark ?? removal.mark;
    if (removal.format !== 1 || !isOurs(removal.mark) || !isOurs(last) || Number.isNaN(Date.parse(removal.endedAt))) {
      return { path, why: `${FILES.removing} is not ours, or of a later version` };
    }
    return { path, mark: last, state: 'half-removed', endedAt: Date.parse(removal.endedAt), removal };
  }
  if (mark === undefined) return withoutMark(path, (await root.size(at(FILES.job))) !== undefined);
  if (!isOurs(mark)) return { path, why: `${FILES.mark} is not ours, or of a later version` };
  const claim = removal === undefined ? {} : { removal };
  if (completeAt === undefined) {
    // The record itself is no change of the export.
    const lastChange = await root.lastChangeIn(path, at(FILES.removing));
    return lastChange === undefined
      ? { path, why: 'it changes just now' }
      : { path, mark, state: 'unfinished', endedAt: latest(lastChange, mark.createdAt), ...claim };
  }
  const report = await readJson<ExportReport>(root, at(FILES.report));
  const afterwards = async (of: ExportReport): Promise<Pick<StoredExport, 'report' | 'next'>> => {
    const { transactionTime, newMembers } = of;
    const next = await followOn(root, at(''), { since: mark.since, report: of, timeIsEnd: timeIsEnd(mark) });
    return {
      report: { transactionTime, ...(newMembers === undefined ? {} : { newMembers }) },
      ...(next === undefined ? {} : { next }),
    };
  };
  return {
    path,
    mark,
    state: 'complete',
    // The server's time of the data is before their end.
    endedAt: latest(completeAt, mark.createdAt, report?.transactionTime),
    ...claim,
    ...(report === undefined ? {} : await afterwards(report)),
  };
}

/** @param texts ISO 8601; what is no time does not count */
function latest(time: number, ...texts: (string | undefined)[]): number {
  return Math.max(time, ...texts.map((text) => Date.parse(text ?? '')).filter((one) => !Number.isNaN(one)));
}

/** A folder of other tools, or what is left of one of ours: nobody can say any more whether it may be removed. */
function withoutMark(path: string, hasJob: boolean): UnknownFolder {
  const why = `it has no ${FILES.mark}`;
  if (!hasJob) return { path, why };
  return {
    path,
    why: `${why}, but ${FILES.job}: look whether its files are needed, and remove it by hand`,
    isFault: true,
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
