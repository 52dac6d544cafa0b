import type { Entry } from '../fhir/entries.ts';
import { lineType } from '../fhir/entries.ts';
import type { Folder, Part } from '../storage/folder.ts';
import { FILES } from './layout.ts';
import type { ManifestSummary } from './manifest-summary.ts';
import type { Receipt } from './receipt.ts';

/** Key of the extension that carries a file's hash (Bulk Data IG 1 to 3: extensions are an object). */
const SHA256 = 'sha256';

/**
 * `manifest.json` while it is written: itself a Bulk Data manifest, with URLs relative to the folder as IG 1 allows.
 * That it is there means that the export is complete and verified. Output goes to the destination
 * at once, because it may be a hundred thousand files.
 */
export class ManifestDraft {
  readonly #part: Part;
  readonly #others: Record<'deleted' | 'error', object[]> = { deleted: [], error: [] };
  #isFirst = true;

  private constructor(part: Part) {
    this.#part = part;
  }

  /**
   * @param request URL of the kick-off as sent, with the parameters of a GET and without those of a POST (Bulk Data IG
   *   1.0 to 3.0, manifest)
   */
  static async open(
    folder: Folder,
    { transactionTime, organizedBy }: ManifestSummary,
    request: string,
  ): Promise<ManifestDraft> {
    const draft = new ManifestDraft(await folder.openPart('manifest'));
    const root = {
      transactionTime,
      request,
      requiresAccessToken: false,
      outputFormat: 'application/fhir+ndjson',
      ...(organizedBy === undefined ? {} : { outputOrganizedBy: organizedBy }),
    };
    await draft.#write(`${JSON.stringify(root, null, 2).replace(/\n}$/, '')},\n  "output": [`);
    return draft;
  }

  /** Adds files, in the manifest's order. */
  async add(files: readonly { entry: Entry; receipt: Receipt }[]): Promise<void> {
    let lines = '';
    for (const { entry, receipt } of files) {
      const item = describe(entry, receipt);
      if (entry.kind === 'deleted' || entry.kind === 'error') this.#others[entry.kind].push(item);
      else {
        lines += `${this.#isFirst ? '' : ','}\n    ${JSON.stringify(item)}`;
        this.#isFirst = false;
      }
    }
    await this.#write(lines);
  }

  /**
   * @param extension of the manifest itself
   * @returns false when another attempt has published one
   */
  async publish(name: string = FILES.manifest, extension?: object): Promise<boolean> {
    const { deleted, error } = this.#others;
    const more = extension === undefined ? '' : `,\n  "extension": ${JSON.stringify(extension)}`;
    await this.#write(
      `${this.#isFirst ? '' : '\n  '}],\n  "deleted": ${list(deleted)},\n  "error": ${list(error)}${more}\n}\n`,
    );
    await this.#part.finish();
    return this.#part.publish(name);
  }

  /** May be called at any time. */
  async discard(): Promise<void> {
    await this.#part.discard();
  }

  async #write(text: string): Promise<void> {
    if (text !== '') await this.#part.write([Buffer.from(text)]);
  }
}

function list(items: readonly object[]): string {
  const lines = items.map((item) => `\n    ${JSON.stringify(item)}`);
  return items.length === 0 ? '[]' : `[${lines.join(',')}\n  ]`;
}

function describe(entry: Entry, receipt: Receipt): object {
  const type = lineType(entry);
  return {
    ...(type === undefined ? {} : { type }),
    url: entry.name,
    count: receipt.records - receipt.headers,
    fileSize: receipt.bytes,
    extension: { [SHA256]: receipt.sha256 },
  };
}
