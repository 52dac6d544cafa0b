import type { Config } from '../config.ts';
import { ExportError } from '../errors.ts';
import { openDestination } from '../storage/destinations.ts';
import type { Folder } from '../storage/folder.ts';
import type { ExportRef } from './export-ref.ts';
import { JobRecord } from './job-record.ts';
import type { ExportMark } from './mark.ts';
import { readMark } from './mark.ts';
import { ownerCheck } from './owner-check.ts';
import type { Taker } from './take-folder.ts';
import { takeFolder } from './take-folder.ts';

/** All that lies under one export's path. */
export class ExportFolder {
  readonly files: Folder;
  readonly job: JobRecord;

  private constructor(files: Folder) {
    this.files = files;
    this.job = new JobRecord(files);
  }

  /**
   * Takes the folder for a run: it belongs to one request.
   *
   * @param destination of the configuration
   * @throws ExportError `UnknownDestination`, `DestinationNotEmpty`, `DestinationFailed`
   */
  static async take(
    config: Config,
    destination: string,
    path: string,
    taker: Taker,
  ): Promise<{ folder: ExportFolder; mark: ExportMark }> {
    const files = await openDestination(config, destination, path);
    const mark = await takeFolder(files, taker);
    return { folder: new ExportFolder(files), mark };
  }

  /**
   * Opens the folder of a running export and makes sure that this worker sees the one in which it began. Whatever is
   * written, published or removed there later is preceded by a check that it still is this run's and this job's.
   *
   * @param options.starting the job is about to be started, or may never have been
   * @throws ExportError `UnknownDestination`, `DestinationFailed`
   */
  static async open(config: Config, ref: ExportRef, options = { starting: false }): Promise<ExportFolder> {
    const files = await openDestination(config, ref.destination, ref.path);
    if ((await readMark(files))?.mark !== ref.mark) {
      throw new ExportError(
        'DestinationFailed',
        `this worker does not see the folder in which the export began: ${files.location}. All workers must share it; or another run has taken the folder over`,
      );
    }
    // As it was when the attempt began, where an earlier version does not say it.
    const generation = ref.generation ?? (await new JobRecord(files).read())?.generation;
    const owned = generation === undefined ? { mark: ref.mark } : { mark: ref.mark, generation };
    return new ExportFolder(files.guardedBy(ownerCheck(files, owned, options.starting)));
  }

  /** The place as users know it. */
  get location(): string {
    return this.files.location;
  }
}
