import type { Entry } from '../fhir/entries.ts';
import { CHUNK } from '../policy/batches.ts';
import { chunkOf } from './chunk-of.ts';

/** Chunks of entries that are written at once. */
const MOST_WRITES = 8;

/** Writes entries in chunks, some at once: each is durable when it is written, which takes its time. */
export class ChunkWriter {
  readonly #writeChunk: (chunk: number, entries: readonly Entry[]) => Promise<void>;
  #chunk: Entry[] = [];
  #total = 0;
  #writing: Promise<void>[] = [];

  constructor(writeChunk: (chunk: number, entries: readonly Entry[]) => Promise<void>) {
    this.#writeChunk = writeChunk;
  }

  async add(entry: Entry): Promise<void> {
    this.#total++;
    if (this.#chunk.push(entry) === CHUNK) this.#write();
    if (this.#writing.length === MOST_WRITES) await this.#written();
  }

  /** @returns how many entries there were */
  async end(): Promise<number> {
    if (this.#chunk.length > 0) this.#write();
    await this.#written();
    return this.#total;
  }

  /** Waits for what is being written, however it ends: to be called whenever the writer is left. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#writing);
  }

  #write(): void {
    const writing = this.#writeChunk(chunkOf(this.#total - 1), this.#chunk);
    // What it fails with is thrown by whoever waits for it, and may not end the process until then.
    writing.catch(() => {});
    this.#writing.push(writing);
    this.#chunk = [];
  }

  async #written(): Promise<void> {
    await Promise.all(this.#writing);
    this.#writing = [];
  }
}
