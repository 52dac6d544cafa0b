import type { Entry } from '../fhir/entries.ts';
import { CHUNK } from '../policy/batches.ts';
import { chunkOf } from './chunk-of.ts';
import type { Entries } from './entries.ts';

/** What is known of an attachment before it is fetched. */
export interface AttachmentLink {
  url: string;
  needsToken: boolean;
  /** What its resource says of the content. */
  contentType: string | undefined;
  fileSize: number | undefined;
  hash: string | undefined;
}

/** Adds entries of attachments, in chunks; resumes in a chunk that exists. */
export class AttachmentEntries {
  /** Ordinal of the next entry. */
  next: number;
  readonly #entries: Entries;
  #chunk: Entry[];

  private constructor(entries: Entries, next: number, chunk: Entry[]) {
    this.#entries = entries;
    this.next = next;
    this.#chunk = chunk;
  }

  static async open(entries: Entries, next: number): Promise<AttachmentEntries> {
    const existing = await entries.readChunk(chunkOf(next));
    // Behind `next` are those of an attempt that was killed.
    return new AttachmentEntries(
      entries,
      next,
      existing.filter(({ ordinal }) => ordinal < next),
    );
  }

  /** @returns the ordinal of the new entry */
  async add({ url, needsToken, contentType, fileSize, hash }: AttachmentLink): Promise<number> {
    const ordinal = this.next++;
    this.#chunk.push({
      ordinal,
      page: 0,
      kind: 'attachment',
      index: 0,
      url,
      name: `attachment ${ordinal}`,
      needsToken,
      ...(contentType === undefined ? {} : { contentType }),
      ...(fileSize === undefined ? {} : { fileSize }),
      ...(hash === undefined ? {} : { hash }),
    });
    if (this.next % CHUNK === 0) await this.save();
    return ordinal;
  }

  /** Everything added is durable. */
  async save(): Promise<void> {
    const [first] = this.#chunk;
    if (first === undefined) return;
    const chunk = chunkOf(first.ordinal);
    // Those behind are of a later attempt, whose files may be downloading already, or of an earlier run, which may have
    // found others: those are replaced when this run comes to their numbers.
    const later = (await this.#entries.readChunk(chunk)).filter(({ ordinal }) => ordinal >= this.next);
    await this.#entries.writeChunk(chunk, [...this.#chunk, ...later]);
    if (this.next % CHUNK === 0) this.#chunk = [];
  }
}
