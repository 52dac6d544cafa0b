import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Checkpoint } from './directory-prefix.ts';
import { checkpointOf, copyPrefix, findEarlier, readPrefix, writeAt } from './directory-prefix.ts';
import type { FileVersion, Part, ResumedPart } from '../folder.ts';

/** Bytes that are gathered before they are written: a system call for each network packet would cost more. */
const BLOCK = 1024 * 1024;

/** What the folder does for its parts. */
export interface PartHost {
  /** Paths of what earlier attempts have left; listed once, because an attempt opens each part once. */
  earlier(): Promise<readonly string[]>;
  /** Path of a file in the folder of the parts, which is made when it is not there. */
  create(name: string): Promise<{ path: string; handle: FileHandle }>;
  /** Turns errors of the file system into ours. */
  guard<T>(action: () => Promise<T>): Promise<T>;
  /** Gives a file its final name, never over another: false when there is one. */
  publish(path: string, name: string): Promise<boolean>;
}

/**
 * Opens a part of its own for this attempt. The durable prefix of the best earlier one is copied, because the earlier
 * attempt may still be running and writing.
 */
export async function openDirectoryPart(label: string, host: PartHost): Promise<Part> {
  const earlier = await findEarlier(label, await host.earlier());
  for (const { path: from, bytes, version } of earlier.usable) {
    const path = join(dirname(from), newName(label));
    const handle = await copyPrefix(from, path, bytes);
    if (handle === undefined) continue;
    const resumed = { bytes, version, read: () => readPrefix(path, bytes) };
    const part = new DirectoryPart(label, host, { path, handle, resumed });
    await part.checkpoint(version);
    // Taken over: whoever still writes there will not be able to publish.
    await Promise.all(
      earlier.all.flatMap((file) => [rm(file, { force: true }), rm(checkpointOf(file), { force: true })]),
    );
    return part;
  }
  return new DirectoryPart(label, host);
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
  #blocks: Uint8Array[] = [];
  #gathered = 0;
  #written: number;

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

  async write(chunk: Uint8Array): Promise<void> {
    this.#blocks.push(chunk);
    this.#gathered += chunk.length;
    if (this.#gathered >= BLOCK) await this.#flush();
  }

  async checkpoint(version: FileVersion): Promise<void> {
    await this.#flush();
    if (this.#written === 0) return;
    await this.#host.guard(async () => {
      const { path, handle } = await this.#opened();
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
    this.#blocks = [];
    this.#gathered = 0;
    this.#written = 0;
    this.#resumed = undefined;
    await this.#host.guard(() => this.discard());
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#host.guard(async () => {
      await (await this.#opened()).handle.sync();
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
    await this.#close();
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

  async #flush(): Promise<void> {
    const blocks = this.#blocks;
    const bytes = this.#gathered;
    this.#blocks = [];
    this.#gathered = 0;
    if (bytes === 0) return;
    await this.#host.guard(async () => {
      const { handle } = await this.#opened();
      const { bytesWritten } = await handle.writev(blocks, this.#written);
      // A short write (a full disk, a signal) is finished piece by piece.
      if (bytesWritten < bytes)
        await writeAt(handle, Buffer.concat(blocks).subarray(bytesWritten), this.#written + bytesWritten);
    });
    this.#written += bytes;
  }

  async #opened(): Promise<{ path: string; handle: FileHandle }> {
    const { path, handle } = (this.#file ??= await this.#host.create(newName(this.#label)));
    if (handle === undefined) throw new Error(`${path} has been closed`);
    return { path, handle };
  }

  async #close(): Promise<void> {
    const handle = this.#file?.handle;
    if (this.#file === undefined || handle === undefined) return;
    this.#file = { path: this.#file.path, handle: undefined };
    await handle.close();
  }

  async #removeCheckpoint(path = this.#file?.path): Promise<void> {
    if (this.#saved === 0 || path === undefined) return;
    this.#saved = 0;
    await rm(checkpointOf(path), { force: true });
  }
}
