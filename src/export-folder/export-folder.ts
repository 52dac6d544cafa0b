import type { Config } from '../config.ts';
import type { ExportParameters, ExportReport } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import type { Room } from '../http/read-text.ts';
import { openDestination } from '../storage/destinations.ts';
import type { Folder } from '../storage/folder.ts';
import { AskedFiles } from './asked-files.ts';
import { AttachmentEntries } from './attachment-entries.ts';
import { publishAttachmentIndex } from './attachment-index.ts';
import { DeletionsDraft } from './deletions-draft.ts';
import { Entries } from './entries.ts';
import type { ExportRef } from './export-ref.ts';
import type { Logged } from './export-log.ts';
import { ExportLog, noteInLog } from './export-log.ts';
import { ExportResult } from './export-result.ts';
import { FoundAttachments } from './found-attachments.ts';
import { indexPages } from './index-pages.ts';
import type { Job } from './job-record.ts';
import { JobRecord, lastAccepted } from './job-record.ts';
import { readJson } from './json-document.ts';
import { FILES } from './layout.ts';
import { MemberLists } from './member-lists.ts';
import { ManifestPages } from './manifest-pages.ts';
import { ManifestReading } from './manifest-reading.ts';
import type { ManifestSummary } from './manifest-summary.ts';
import type { BadAnswer } from './noted-answers.ts';
import { NotedAnswers } from './noted-answers.ts';
import type { ExportMark } from './owner-mark.ts';
import { readMark } from './owner-mark.ts';
import type { CheckOptions } from './owner-check.ts';
import { ownerCheck } from './owner-check.ts';
import { PublishedFiles } from './published-files.ts';
import { Receipts } from './receipts.ts';
import { redactManifest } from './redact-manifest.ts';
import type { Taker } from './take-folder.ts';
import { takeFolder } from './take-folder.ts';
import { Troubles } from './troubles.ts';
import type { FileGroup } from './whole-files.ts';
import { wholeFiles } from './whole-files.ts';

/** All that lies under one export's path. */
export class ExportFolder {
  /** The export on the FHIR server. */
  readonly job: JobRecord;
  /** Who the members of the group were. */
  readonly members: MemberLists;
  /** The manifest's pages, as they came first. */
  readonly pages: ManifestPages;
  /** The manifest as it is read again. */
  readonly reading: ManifestReading;
  /** The files of the manifest, and attachments. */
  readonly entries: Entries;
  readonly receipts: Receipts;
  readonly troubles: Troubles;
  /** Where the server limits how often a file may be asked for. */
  readonly asked: AskedFiles;
  /** Answers of the server, for the log. */
  readonly answers: NotedAnswers;
  /** The data. */
  readonly files: PublishedFiles;
  /** Where resources name attachments. */
  readonly found: FoundAttachments;
  /** What the export leaves at its end. */
  readonly result: ExportResult;
  /** An earlier run may have left files. */
  readonly isAdopted: boolean;
  readonly #folder: Folder;
  /** Of the FHIR server that the folder was taken for; undefined in folders of earlier versions. */
  readonly #baseUrl: string | undefined;
  readonly #mark: string;

  private constructor(folder: Folder, { mark, adopted, baseUrl, createdAt }: ExportMark) {
    this.#folder = folder;
    this.#mark = mark;
    this.#baseUrl = baseUrl;
    this.isAdopted = adopted === true;
    this.job = new JobRecord(folder);
    this.members = new MemberLists(folder);
    this.pages = new ManifestPages(folder, FILES.pages);
    this.entries = new Entries(folder);
    this.reading = new ManifestReading(folder, this.entries, this.pages);
    this.receipts = new Receipts(folder, this.isAdopted ? Date.parse(createdAt) : undefined);
    this.troubles = new Troubles(folder);
    this.asked = new AskedFiles(folder);
    this.answers = new NotedAnswers(folder);
    this.files = new PublishedFiles(folder);
    this.found = new FoundAttachments(folder);
    this.result = new ExportResult(folder, this.job, this.troubles);
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
    const folder = await openDestination(config, destination, path);
    const mark = await takeFolder(folder, taker);
    return { folder: new ExportFolder(folder, mark), mark };
  }

  /**
   * Whether a folder holds a request whose job the server has accepted and that is not known to be gone. Changes nothing.
   *
   * @throws ExportError `UnknownDestination`, `DestinationFailed`
   */
  static async hasJobOf(
    config: Config,
    { destination, path }: Pick<ExportRef, 'destination' | 'path'>,
    requestHash: string,
  ): Promise<boolean> {
    // From the destination's own folder: to open one that does not exist would make it.
    const root = await openDestination(config, destination, '');
    const mark = await readJson<ExportMark>(root, `${path}/${FILES.mark}`);
    if (mark?.requestHash !== requestHash) return false;
    const job = lastAccepted(await readJson<Job>(root, `${path}/${FILES.job}`));
    return job !== undefined && job.deleted !== true;
  }

  /**
   * Opens the folder of a running export and makes sure that this worker sees the one in which it began. Whatever is
   * written, published or removed there later is preceded by a check that it still is this run's and this job's.
   *
   * @throws ExportError `UnknownDestination`, `DestinationFailed`
   */
  static async open(config: Config, ref: ExportRef, options: CheckOptions = {}): Promise<ExportFolder> {
    const folder = await openDestination(config, ref.destination, ref.path);
    const found = await readMark(folder);
    if (found?.mark !== ref.mark) {
      throw new ExportError(
        'DestinationFailed',
        `this worker does not see the folder in which the export began: ${folder.location}. All workers must share it; or another run has taken the folder over`,
      );
    }
    // As it was when the attempt began, where an earlier version does not say it.
    const generation = ref.generation ?? (await new JobRecord(folder).read())?.generation;
    const owned = generation === undefined ? { mark: ref.mark } : { mark: ref.mark, generation };
    return new ExportFolder(folder.guardedBy(ownerCheck(folder, owned, options)), found);
  }

  /** The place as users know it. */
  get location(): string {
    return this.#folder.location;
  }

  /**
   * What the report says, and with it the next `_since`, is of the server that the folder was taken for.
   *
   * @throws ExportError `InvalidRequest` when this worker's configuration has another base URL
   */
  requireServer(baseUrl: string): void {
    if (this.#baseUrl === undefined || this.#baseUrl === baseUrl) return;
    const detail = `the export began for ${this.#baseUrl}, and this worker's configuration has ${baseUrl}`;
    throw new ExportError('InvalidRequest', `server: ${detail}; start it again when all workers have the same`);
  }

  /** @throws ExportError `DestinationFailed` when another run or another job has the folder by now */
  async mayChange(): Promise<void> {
    await this.#folder.mayChange();
  }

  /** Bytes that can still be written; undefined when the destination has no such limit. */
  freeSpace(): Promise<number | undefined> {
    return this.#folder.freeSpace();
  }

  /**
   * Makes entries of all stored pages.
   *
   * @param room for one page after another
   * @param judge throws when an entry must not be downloaded
   * @throws ExportError `InvalidManifest`; what `judge` throws
   */
  indexPages(room: Pick<Room, 'take'>, judge: (entry: Entry) => void = () => {}): Promise<ManifestSummary> {
    return indexPages(this.pages, this.entries, room, judge);
  }

  /** Adds entries of attachments. @param next ordinal of the first one to be added */
  addAttachments(next: number): Promise<AttachmentEntries> {
    return AttachmentEntries.open(this.entries, next);
  }

  /** Looks at the files of all entries of the manifest, in order. @param total how many there are */
  wholeFiles(total: number): AsyncGenerator<FileGroup> {
    return wholeFiles(this, total);
  }

  /** Begins `deletions.ndjson`. */
  openDeletions(transactionTime: string): DeletionsDraft {
    return new DeletionsDraft(this.#folder, transactionTime);
  }

  /**
   * Publishes `attachments/index.ndjson`.
   *
   * @param onLines called with the number of lines so far
   */
  publishAttachmentIndex(
    signal: AbortSignal,
    onLines: (lines: number) => void,
  ): Promise<NonNullable<ExportReport['attachments']>> {
    return publishAttachmentIndex(this.#folder, this, signal, onLines);
  }

  /** Begins `log.ndjson`. @param parameters of the request */
  openLog(parameters: ExportParameters): Promise<ExportLog> {
    return ExportLog.open(this.#folder, this.#logged, parameters);
  }

  /** Notes for the log an answer that brought the export no further. Never fails. */
  note(answer: BadAnswer): Promise<void> {
    return noteInLog(this.#folder, this.#logged, answer);
  }

  get #logged(): Logged {
    return { job: this.job, pages: this.pages, answers: this.answers, mark: this.#mark };
  }

  /**
   * Removes parts that attempts have left behind; this run fetches nothing any more.
   *
   * @param isLast the server is not asked again, so the status URL is not needed any more either
   */
  async removeParts(isLast = false): Promise<void> {
    // First: an attempt that wakes up behind it must leave no others.
    const marked = await this.job.end(this.#mark, isLast).catch(() => 'not' as const);
    await this.#folder.removeParts();
    // On a disk that was full there is room now.
    if (marked === 'not') await this.job.end(this.#mark, isLast);
  }

  /**
   * Removes what only a running export needs, and the queries of stored URLs, which may be signatures that are valid
   * still. `isLast` as in {@link removeParts}.
   */
  async removeTraces(isLast: boolean): Promise<void> {
    await this.removeParts(isLast);
    await this.troubles.forget();
    await this.asked.forget();
    await this.found.forget();
    await redactManifest(this.#folder);
  }
}
