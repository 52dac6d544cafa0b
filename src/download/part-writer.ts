import { release } from '../http/slabs.ts';
import type { FileVersion, Part, ResumePoint } from '../storage/folder.ts';

/** Bytes that are written at a time: while they are, as many are received; then the wire waits. */
const BLOCK = 512 * 1024;
/** Chunks that are written at a time: a server that sends byte by byte would fill the memory with what surrounds them. */
const MOST_CHUNKS = 1024;
/** Milliseconds of transfer after which the bytes so far are made durable: as much is fetched again after a kill. */
const CHECKPOINT = 1000;

/** Writes a part while more of it is received: in order, and with two blocks in memory at most. */
export class PartWriter {
  readonly #part: Part;
  #version: FileVersion | undefined;
  #filling: Uint8Array[] = [];
  #bytes = 0;
  #points: ResumePoint[] = [];
  #writing: Promise<void> = Promise.resolve();
  #handedOver = Date.now();
  #saved = Date.now();

  /** @param version of the file, when the transfer can be resumed: then checkpoints are made */
  constructor(part: Part, version: FileVersion | undefined) {
    this.#part = part;
    this.#version = version;
  }

  /** Of the file; undefined when the transfer cannot be resumed. */
  get version(): FileVersion | undefined {
    return this.#version;
  }

  /** The transfer cannot be resumed, as is known before the first write. */
  neverResume(): void {
    this.#version = undefined;
  }

  /**
   * Takes bytes over, and releases them when they have been written.
   *
   * @param point the last one in these bytes, or before
   * @returns a promise when the block before is still being written; it fails as the part does
   */
  write(chunk: Uint8Array, point?: ResumePoint): Promise<void> | undefined {
    if (point !== undefined && point.bytes !== this.#points.at(-1)?.bytes) this.#points.push(point);
    const last = this.#filling.at(-1);
    if (last !== undefined && isNext(last, chunk)) this.#filling[this.#filling.length - 1] = join(last, chunk);
    else this.#filling.push(chunk);
    this.#bytes += chunk.length;
    const isDue = this.#version !== undefined && Date.now() - this.#handedOver >= CHECKPOINT;
    const isFull = this.#bytes >= BLOCK || this.#filling.length >= MOST_CHUNKS;
    return isFull || isDue ? this.#handOver() : undefined;
  }

  /** All bytes are with the part. */
  async flush(): Promise<void> {
    await this.#handOver();
    await this.#writing;
  }

  /** Waits until nothing is being written any more, whether it succeeded or not. */
  async stop(): Promise<void> {
    await this.#writing.catch(() => {});
  }

  #handOver(): Promise<void> {
    const before = this.#writing;
    const block = this.#filling;
    const points = this.#points;
    this.#filling = [];
    this.#points = [];
    this.#bytes = 0;
    this.#handedOver = Date.now();
    this.#writing = before.then(() => this.#store(block, points));
    // The next write, or the flush, throws it.
    this.#writing.catch(() => {});
    return before;
  }

  async #store(block: readonly Uint8Array[], points: readonly ResumePoint[]): Promise<void> {
    await this.#part.write(block, points);
    for (const chunk of block) release(chunk);
    if (this.#version === undefined || Date.now() - this.#saved < CHECKPOINT) return;
    await this.#part.checkpoint(this.#version);
    this.#saved = Date.now();
  }
}

/** Whether bytes follow others in the same memory: of reads into one slab nearly all do. */
function isNext(one: Uint8Array, other: Uint8Array): boolean {
  return one.buffer === other.buffer && one.byteOffset + one.length === other.byteOffset;
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array {
  return new Uint8Array(one.buffer, one.byteOffset, one.length + other.length);
}
