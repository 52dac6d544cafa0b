import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import type { OrdinalRange } from '../policy/batches.ts';
import { CHUNK } from '../policy/batches.ts';
import type { Folder } from '../storage/folder.ts';
import { chunkOf } from './chunk-of.ts';
import { readJson, writeJson } from './json-document.ts';
import { FILES, entriesFile } from './layout.ts';
import { linkOf } from './link-of.ts';
import type { ManifestSummary } from './manifest-summary.ts';

/**
 * Entries of the export in chunks, and the manifest in short. Those of attachments begin with a chunk of their own,
 * behind those of the manifest.
 */
export class Entries {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** @throws ExportError `DestinationFailed` when it is missing: somebody removed the file */
  async summary(): Promise<ManifestSummary> {
    const summary = await this.indexed();
    if (summary === undefined) {
      throw new ExportError('DestinationFailed', `${this.#folder.location}/${FILES.summary} is missing`);
    }
    return summary;
  }

  /** Of the pages that have been indexed; undefined before the first. */
  indexed(): Promise<ManifestSummary | undefined> {
    return readJson<ManifestSummary>(this.#folder, FILES.summary);
  }

  async saveSummary(summary: ManifestSummary): Promise<void> {
    await writeJson(this.#folder, FILES.summary, summary);
  }

  /**
   * The entries from one ordinal to another, not included, as far as they are in one chunk.
   *
   * @throws ExportError `DestinationFailed` when one is missing: somebody removed or changed the file
   */
  async from(from: number, end: number): Promise<Entry[]> {
    const chunk = chunkOf(from);
    const to = Math.min(end, (chunk + 1) * CHUNK);
    const entries = (await this.readChunk(chunk)).filter(({ ordinal }) => ordinal >= from && ordinal < to);
    if (entries.length !== to - from || entries.some(({ ordinal }, place) => ordinal !== from + place)) {
      throw new ExportError(
        'DestinationFailed',
        `${this.#folder.location}/${entriesFile(chunk)} does not list files ${from + 1} to ${to} of the manifest any more`,
      );
    }
    return entries;
  }

  /** Whether so many entries of the manifest are in their chunks. */
  async areThere(total: number): Promise<boolean> {
    for (let first = 0; first < total; first += CHUNK) {
      const { length } = await this.readChunk(chunkOf(first));
      if (length < Math.min(CHUNK, total - first)) return false;
    }
    return true;
  }

  /**
   * The entries of some ranges, in their order.
   *
   * @throws ExportError `DestinationFailed` when one is missing: somebody removed or changed the file
   */
  async ofRanges(ranges: readonly OrdinalRange[]): Promise<Entry[]> {
    const chunks = new Map<number, Map<number, Entry>>();
    const entries: Entry[] = [];
    for (const [from, to] of ranges) {
      for (let ordinal = from; ordinal < to; ordinal++) {
        const chunk = chunkOf(ordinal);
        if (!chunks.has(chunk)) chunks.set(chunk, byOrdinal(await this.readChunk(chunk)));
        const entry = chunks.get(chunk)?.get(ordinal);
        if (entry === undefined) {
          throw new ExportError(
            'DestinationFailed',
            `${this.#folder.location}/${FILES.entries} has no entry ${ordinal}`,
          );
        }
        entries.push(entry);
      }
    }
    return entries;
  }

  /** Gives entries that were read earlier the links that they have now. */
  async renewLinks(entries: readonly Entry[]): Promise<void> {
    for (const chunk of new Set(entries.map(({ ordinal }) => chunkOf(ordinal)))) {
      const renewed = byOrdinal(await this.readChunk(chunk));
      for (const entry of entries) {
        const other = renewed.get(entry.ordinal);
        if (other === undefined) continue;
        delete entry.ends;
        Object.assign(entry, linkOf(other));
      }
    }
  }

  /** Entries of one chunk, by rising ordinal; none when it does not exist. */
  async readChunk(chunk: number): Promise<Entry[]> {
    return (await readJson<Entry[]>(this.#folder, entriesFile(chunk))) ?? [];
  }

  async writeChunk(chunk: number, entries: readonly Entry[]): Promise<void> {
    await this.#folder.write(entriesFile(chunk), JSON.stringify(entries));
  }
}

function byOrdinal(entries: readonly Entry[]): Map<number, Entry> {
  return new Map(entries.map((entry) => [entry.ordinal, entry]));
}
