import type { ExportParameters, ExportReport } from '../contract.ts';
import type { Entry } from '../fhir/entries.ts';
import type { Folder, Part } from '../storage/folder.ts';
import type { JobRecord } from './job-record.ts';
import { FILES } from './layout.ts';
import type { FileCounts, LogEvent } from './log-events.ts';
import {
  exportIdOf,
  fileEvents,
  firstEvents,
  logLine,
  logTerms,
  manifestEvents,
  missingFileEvents,
} from './log-events.ts';
import type { MissingFile } from './export-result.ts';
import type { ManifestPages } from './manifest-pages.ts';
import type { BadAnswer, NotedAnswer, NotedAnswers } from './noted-answers.ts';
import { publishAgain } from './publish-again.ts';
import { refuseFinished } from './refuse-finished.ts';
import type { Receipt } from './receipt.ts';

/** What of an export's folder is in the log. */
export interface Logged {
  job: JobRecord;
  pages: ManifestPages;
  answers: NotedAnswers;
  mark: string;
}

/**
 * Notes an answer of the server that brought the export no further, and publishes what the log has so far: whatever the
 * workflow makes of it, this may have been the last answer. Each is noted once: an attempt that is tried again has another
 * answer.
 *
 * Nothing happens when that fails: the export itself does not need it.
 */
export async function noteInLog(folder: Folder, recorded: Logged, answer: BadAnswer): Promise<void> {
  try {
    const job = await recorded.job.read();
    await recorded.answers.add(answer, job?.log?.quotes === true, job?.generation);
    // Nobody knows what an earlier version has asked for.
    if (job?.log === undefined) return;
    const { generation: own, clearing, log } = job;
    // Those of an earlier job are there until this one is accepted, and may be of another request. Which job they are of
    // earlier versions did not say.
    const isOwn = ({ generation = clearing === undefined ? own : 0 }: NotedAnswer): boolean => generation === own;
    const events = firstEvents(job, log.parameters, (await recorded.answers.all()).filter(isOwn), Date.now());
    const exportId = exportIdOf(job, recorded.mark);
    await refuseFinished(folder);
    await folder.write(FILES.log, events.map((event) => logLine(exportId, event)).join(''));
  } catch {
    // The destination is in trouble, or belongs to another run by now: what needs it says so.
  }
}

/**
 * `log.ndjson` while it is written: at the end of an export and as a whole, from what the folder has recorded. So kills
 * and resumed runs neither tear its lines nor double them, at any kind of destination. It goes to the destination at
 * once, because it may have two lines for each of a hundred thousand files.
 */
export class ExportLog {
  readonly #part: Part;
  readonly #folder: Folder;
  readonly #exportId: string;
  readonly #startedAt: number;
  #files = 0;
  #resources = 0;
  #bytes = 0;

  private constructor(folder: Folder, part: Part, exportId: string, startedAt: number) {
    this.#folder = folder;
    this.#part = part;
    this.#exportId = exportId;
    this.#startedAt = startedAt;
  }

  /** Begins it with all that came before the files. @param parameters of the request */
  static async open(
    folder: Folder,
    { job: record, pages: stored, answers, mark }: Logged,
    parameters: ExportParameters,
  ): Promise<ExportLog> {
    const job = await record.accepted();
    const pages = await stored.all();
    const startedAt = job.acceptedAt ?? pages[0]?.readAt ?? Date.now();
    const first = firstEvents(job, logTerms(parameters).parameters, await answers.all(), startedAt);
    const log = new ExportLog(folder, await folder.openPart('log'), exportIdOf(job, mark), startedAt);
    const counts = pages.map(({ files = 0, kinds }): FileCounts => kinds ?? { output: files, deleted: 0, error: 0 });
    await log.#write([...first, ...manifestEvents(pages, counts, startedAt)]);
    return log;
  }

  /** Adds files that are whole. */
  async add(files: readonly { entry: Entry; receipt: Receipt }[]): Promise<void> {
    for (const { receipt } of files) {
      this.#files++;
      this.#resources += receipt.records - receipt.headers;
      this.#bytes += receipt.bytes;
    }
    await this.#write(files.flatMap(({ entry, receipt }) => fileEvents(entry, receipt, this.#startedAt)));
  }

  /** Publishes it, of an export that lacks files. @param missing and why, in the same order */
  async publishIncomplete(missing: readonly Entry[], reasons: readonly Pick<MissingFile, 'why'>[]): Promise<void> {
    const time = Date.now();
    for (const [position, entry] of missing.entries()) {
      await this.#write(missingFileEvents(entry, reasons[position]?.why ?? '', time));
    }
    await this.#publish();
  }

  /** Publishes it, before `manifest.json`. */
  async publishComplete({ attachments }: Pick<ExportReport, 'attachments'>): Promise<void> {
    const time = Date.now();
    const eventDetail = {
      files: this.#files,
      resources: this.#resources,
      bytes: this.#bytes,
      attachments: attachments?.files ?? null,
      duration: Math.max(0, time - this.#startedAt),
    };
    await this.#write([{ eventId: 'export_complete', time, eventDetail }]);
    await this.#publish();
  }

  /** May be called at any time. */
  async discard(): Promise<void> {
    await this.#part.discard();
  }

  async #publish(): Promise<void> {
    await this.#part.finish();
    await publishAgain(this.#folder, this.#part, FILES.log);
  }

  async #write(events: readonly LogEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.#part.write([Buffer.from(events.map((event) => logLine(this.#exportId, event)).join(''))]);
  }
}
