import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Checkpoint } from './directory-prefix.ts';
import { checkpointOf, copyPrefix, findEarlier, readPrefix, writeAt } from './directory-prefix.ts';
import type { FileVersion, Part, ResumedPart } from '../folder.ts';

/**
 * Bytes after which the file system is asked to begin storing what has been written, so that {@link Part.finish} finds
 * little left to do. Measured: the disk works while the wire does, instead of after it.
 */
const EARLY = 32 * 1024 * 1024;

/**
 * Bytes of a small file: they are kept until the file ends, and then opened, written and made durable in as few steps as
 * can be. Measured: of small files most of the cost is in the way to another thread and back that each step takes.
 */
const SMALL = 128 * 1024;

/**
 * How a small file is opened: a write returns when its bytes, and what is needed to read them, are durable, which saves a
 * step (open(2), O_DSYNC). On macOS only `sync` reaches the disk itself.
 */
const DURABLE_WRITES =
  process.platform === 'linux'
    ? constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC
    : undefined;

/** What the folder does for its parts. */
export interface PartHost {
  /** Paths of what earlier attempts have left; listed once, because an attempt opens each part once. */
  earlier(): Promise<readonly string[]>;
  /**
   * Path of a new file in the folder of the parts, which is made when it is not there.
   *
   * @param flags for opening it; default: `wx`
   */
  create(name: string, flags?: number): Promise<{ path: string; handle: FileHandle }>;
  /**
   * Writes a small file durably in another thread.
   *
   * @returns undefined when that is not worth it, and {@link create} is to be used; else its path at once
   */
  writeElsewhere?(name: string, content: Uint8Array): { path: string; written: Promise<void> } | undefined;
  /** Turns errors of the file system into ours. */
  guard<T>(action: () => Promise<T>): Promise<T>;
  /** Gives a file its final name, never over another: false when there is one. */
  publish(path: string, name: string): Promise<boolean>;
}

/**
 * Opens a part of its own for this attempt. The durable prefix of the best earlier one is copied, because the earlier
 * attempt may still be running and writing.
 *
 * @param signal ends the copying
 */
export async function openDirectoryPart(label: string, host: PartHost, signal?: AbortSignal): Promise<Part> {
  const earlier = await findEarlier(label, await host.earlier());
  for (const { path: from, bytes, version } of earlier.usable) {
    const path = join(dirname(from), newName(label));
    const handle = await copyPrefix(from, path, bytes, signal);
    if (handle === undefined) continue;
    const resumed = { bytes, version, read: () => readPrefix(path, bytes) };
    const part = new DirectoryPart(label, host, { path, handle, resumed });
    try {
      await part.checkpoint(version);
      // Taken over: whoever still writes there will not be able to publish.
      await removeAll(earlier.all.flatMap((file) => [file, checkpointOf(file)]));
      return part;
    } catch (error) {
      // The copy is as large as what it is of, and each attempt would leave one more, unless it is all that there is now.
      await part.keep().catch(() => {});
      throw error;
    }
  }
  return new DirectoryPart(label, host);
}

/** Tries all before it throws what has failed. */
async function removeAll(files: readonly string[]): Promise<void> {
  const ends = await Promise.allSettled(files.map((file) => rm(file, { force: true })));
  const fault = ends.find((end) => end.status === 'rejected');
  if (fault !== undefined) throw fault.reason;
}

function newName(label: string): string {
  return `${label}.${randomUUID()}.part`;
}

/** The file of a part; it does not exist before the first block is written, nor after it got its final name. */
interface PartFile {
  path: string;
  handle: FileHandle | undefined;
}

class DirectoryPart implements Part {
  readonly #label: string;
  readonly #host: PartHost;
  #resumed: ResumedPart | undefined;
  #file: PartFile | undefined;
  /** Bytes that a later attempt can take over. */
  #saved = 0;
  #written: number;
  /** All bytes of what may be a small file, of which none has been written. */
  #small: Buffer | undefined;
  /** Bytes whose storing has begun, and that which is under way. */
  #begun = 0;
  #storing: Promise<unknown> | undefined;
  #fault: { fault: unknown } | undefined;

  constructor(label: string, host: PartHost, earlier?: { path: string; handle: FileHandle; resumed: ResumedPart }) {
    this.#label = label;
    this.#host = host;
    this.#file = earlier;
    this.#resumed = earlier?.resumed;
    this.#written = earlier?.resumed.bytes ?? 0;
  }

  get resumed(): ResumedPart | undefined {
    return this.#resumed;
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    if (bytes === 0) return;
    if (this.#file === undefined && this.#small === undefined && bytes <= SMALL) {
      this.#small = Buffer.concat(chunks, bytes);
      return;
    }
    await this.#host.guard(async () => {
      const { handle } = await this.#opened();
      const { bytesWritten } = await handle.writev(chunks, this.#written);
      // A short write (a full disk, a signal) is finished piece by piece.
      if (bytesWritten < bytes)
        await writeAt(handle, Buffer.concat(chunks).subarray(bytesWritten), this.#written + bytesWritten);
    });
    this.#written += bytes;
    this.#beginStoring();
  }

  async checkpoint(version: FileVersion): Promise<void> {
    if (this.#written === 0 && this.#small === undefined) return;
    await this.#host.guard(async () => {
      const { path, handle } = await this.#opened();
      await this.#stored();
      await handle.datasync();
      const text = JSON.stringify({ bytes: this.#written, ...version } satisfies Checkpoint);
      const unfinished = `${path}.unfinished`;
      await writeFile(unfinished, text, { mode: 0o600 });
      await rename(unfinished, checkpointOf(path));
      this.#saved = this.#written;
    });
  }

  /** Under a new name: a later attempt may be copying the old file, and must find neither holes nor other bytes. */
  async restart(): Promise<void> {
    this.#small = undefined;
    await this.#host.guard(() => this.discard());
    this.#written = 0;
    this.#begun = 0;
    this.#fault = undefined;
    this.#resumed = undefined;
  }

  async finish(): Promise<void> {
    await this.#host.guard(async () => {
      const elsewhere =
        this.#small === undefined ? undefined : this.#host.writeElsewhere?.(newName(this.#label), this.#small);
      if (elsewhere !== undefined) {
        this.#small = undefined;
        this.#file = { path: elsewhere.path, handle: undefined };
        return elsewhere.written;
      }
      await this.#stored();
      const isSmall = this.#small !== undefined && DURABLE_WRITES !== undefined;
      const { handle } = await this.#opened(DURABLE_WRITES);
      if (!isSmall) await handle.sync();
      await this.#close();
    });
  }

  async publish(name: string): Promise<boolean> {
    const { path } = this.#file as PartFile;
    const published = await this.#host.guard(() => this.#host.publish(path, name));
    this.#file = undefined;
    await this.#removeCheckpoint(path);
    return published;
  }

  async discard(): Promise<void> {
    // Whether bytes that are thrown away could be stored does not matter.
    await this.#close().catch(() => {});
    const path = this.#file?.path;
    this.#file = undefined;
    if (path !== undefined) await rm(path, { force: true });
    await this.#removeCheckpoint(path);
  }

  async keep(): Promise<number> {
    if (this.#saved > 0) await this.#close();
    else await this.discard();
    return this.#saved;
  }

  #beginStoring(): void {
    const handle = this.#file?.handle;
    if (handle === undefined || this.#storing !== undefined || this.#written - this.#begun < EARLY) return;
    this.#begun = this.#written;
    this.#storing = handle
      .datasync()
      // Linux reports a failure to store once only: a later `sync` would succeed, though bytes are lost.
      .catch((fault: unknown) => (this.#fault ??= { fault }))
      .then(() => (this.#storing = undefined));
  }

  /** Waits for what is being stored. @throws what has gone wrong with it */
  async #stored(): Promise<void> {
    await this.#storing;
    if (this.#fault !== undefined) throw this.#fault.fault;
  }

  /** The file with all bytes so far. @param flags how a new one is opened */
  async #opened(flags?: number): Promise<{ path: string; handle: FileHandle }> {
    const { path, handle } = (this.#file ??= await this.#host.create(newName(this.#label), flags));
    if (handle === undefined) throw new Error(`${path} has been closed`);
    if (this.#small !== undefined) {
      const small = this.#small;
      this.#small = undefined;
      await writeAt(handle, small, 0);
      this.#written = small.length;
    }
    return { path, handle };
  }

  async #close(): Promise<void> {
    const handle = this.#file?.handle;
    if (this.#file === undefined || handle === undefined) return;
    this.#file = { path: this.#file.path, handle: undefined };
    await this.#storing;
    await handle.close();
  }

  async #removeCheckpoint(path = this.#file?.path): Promise<void> {
    if (this.#saved === 0 || path === undefined) return;
    this.#saved = 0;
    await rm(checkpointOf(path), { force: true });
  }
}
