import { createHash } from 'node:crypto';
import type { ExportReport } from '../contract.ts';
import type { Entry } from '../fhir/entries.ts';
import type { Folder } from '../storage/folder.ts';
import type { IssueSummary } from './issue-summary.ts';
import type { JobRecord } from './job-record.ts';
import { readJson, writeJson } from './json-document.ts';
import { FILES } from './layout.ts';
import { ManifestDraft } from './manifest-draft.ts';
import type { ManifestSummary } from './manifest-summary.ts';
import { writtenMeanwhile } from './publish-again.ts';
import { FinishedMeanwhileError, refuseFinished } from './refuse-finished.ts';
import type { Troubles } from './troubles.ts';

/** Files whose troubles are read at once. */
const GROUP = 32;

/** Why a file of the manifest is missing; an item of `.export/missing.json`. */
export interface MissingFile extends Pick<Entry, 'name' | 'page' | 'kind' | 'index' | 'type'> {
  why: string;
}

/** What an export leaves at its end: its report and `manifest.json`, or the list of missing files. */
export class ExportResult {
  readonly #folder: Folder;
  readonly #job: JobRecord;
  readonly #troubles: Troubles;

  constructor(folder: Folder, job: JobRecord, troubles: Troubles) {
    this.#folder = folder;
    this.#job = job;
    this.#troubles = troubles;
  }

  /** The report of an export whose `manifest.json` has been published. */
  async published(): Promise<ExportReport | undefined> {
    const report = await readJson<ExportReport>(this.#folder, FILES.report);
    return report !== undefined && (await this.#folder.size(FILES.manifest)) !== undefined ? report : undefined;
  }

  /**
   * Hexadecimal sha256 of a manifest.
   *
   * @param name default: `manifest.json`
   */
  async manifestHash(name: string = FILES.manifest): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.#folder.stream(name)) hash.update(chunk);
    return hash.digest('hex');
  }

  /** Stores the list of missing files, with the latest trouble of each. */
  async saveMissing(missing: readonly Entry[]): Promise<MissingFile[]> {
    const listed: MissingFile[] = [];
    for (let from = 0; from < missing.length; from += GROUP) {
      const group = missing.slice(from, from + GROUP).map(async ({ ordinal, name, page, kind, index, type }) => {
        const why = await this.#troubles.of(ordinal);
        return { name, why, page, kind, index, ...(type === undefined ? {} : { type }) };
      });
      listed.push(...(await Promise.all(group)));
    }
    await writeJson(this.#folder, FILES.missing, listed);
    return listed;
  }

  /**
   * Publishes the manifest of the files that are there, in place of an earlier one. The export is not complete.
   *
   * @returns its name
   * @throws Error when another attempt does the same at the same moment: trying again helps
   */
  async publishPartial(manifest: ManifestDraft, incomplete: { reason: string; missing: number }): Promise<string> {
    await this.#folder.removeFile(FILES.partialManifest);
    const isPublished = await manifest.publish(FILES.partialManifest, { incomplete });
    if (!isPublished) throw writtenMeanwhile(this.#folder, FILES.partialManifest);
    return FILES.partialManifest;
  }

  /** No file is missing any more. */
  async forgetMissing(): Promise<void> {
    await this.#folder.removeFile(FILES.partialManifest);
    await this.#folder.remove(FILES.missing);
  }

  /** Writes `error/summary.json`. */
  async saveIssues(issues: IssueSummary): Promise<void> {
    await writeJson(this.#folder, FILES.errorSummary, issues.document());
  }

  /** Begins `manifest.json`. */
  async openManifest(summary: ManifestSummary): Promise<ManifestDraft> {
    return ManifestDraft.open(this.#folder, summary, (await this.#job.read())?.request ?? '');
  }

  /**
   * Ends the export: stores its report, and publishes `manifest.json` last.
   *
   * @throws FinishedMeanwhileError when another attempt has finished it
   */
  async publish(report: ExportReport, manifest: ManifestDraft): Promise<void> {
    await refuseFinished(this.#folder);
    await writeJson(this.#folder, FILES.report, report);
    if (!(await manifest.publish())) throw new FinishedMeanwhileError(this.#folder);
    // Before the server learns that its files are not needed any more.
    await this.#folder.syncNames();
  }
}
