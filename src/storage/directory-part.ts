import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { copyFile, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Part, ResumedPart } from './export-folder.ts';

/** Bytes that are gathered before they are written: a system call for each network packet would cost more. */
const BLOCK = 1024 * 1024;
const READ_BLOCK = 256 * 1024;

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

/** What is durable of a part; beside it, in a file of the same name. */
interface Checkpoint {
  bytes: number;
  validator: string;
}

/**
 * Opens a part of its own for this attempt. The durable prefix of the best earlier one is copied (by reference where the
 * file system can), because the earlier attempt may still be running and writing.
 */
export async function openDirectoryPart(label: string, host: PartHost): Promise<Part> {
  const { best, all } = await findEarlier(label, host);
  const name = `${label}.${randomUUID()}.part`;
  if (best === undefined) return new DirectoryPart(name, host);
  const path = join(dirname(best.path), name);
  await copyFile(best.path, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const handle = await open(path, 'r+', 0o600);
  await handle.truncate(best.bytes);
  const part = new DirectoryPart(name, host, {
    path,
    handle,
    resumed: { bytes: best.bytes, validator: best.validator, read: () => readPrefix(path, best.bytes) },
  });
  await part.checkpoint(best.validator);
  // Taken over: whoever still writes there will not be able to publish.
  await Promise.all(all.flatMap((file) => [rm(file, { force: true }), rm(checkpointOf(file), { force: true })]));
  return part;
}

/** The file of a part; there is none before the first block is written, and none after it got its final name. */
interface PartFile {
  path: string;
  handle: FileHandle | undefined;
}

class DirectoryPart implements Part {
  readonly resumed: ResumedPart | undefined;
  readonly #name: string;
  readonly #host: PartHost;
  #file: PartFile | undefined;
  /** Bytes that a later attempt can take over. */
  #saved = 0;
  #blocks: Uint8Array[] = [];
  #gathered = 0;
  #written: number;

  constructor(name: string, host: PartHost, earlier?: { path: string; handle: FileHandle; resumed: ResumedPart }) {
    this.#name = name;
    this.#host = host;
    this.#file = earlier;
    this.resumed = earlier?.resumed;
    this.#written = earlier?.resumed.bytes ?? 0;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#blocks.push(chunk);
    this.#gathered += chunk.length;
    if (this.#gathered >= BLOCK) await this.#flush();
  }

  async checkpoint(validator: string): Promise<void> {
    await this.#flush();
    if (this.#written === 0) return;
    await this.#host.guard(async () => {
      const { path, handle } = await this.#opened();
      await handle.datasync();
      const text = JSON.stringify({ bytes: this.#written, validator } satisfies Checkpoint);
      const unfinished = `${path}.unfinished`;
      await writeFile(unfinished, text, { mode: 0o600 });
      await rename(unfinished, checkpointOf(path));
      this.#saved = this.#written;
    });
  }

  async restart(): Promise<void> {
    this.#blocks = [];
    this.#gathered = 0;
    this.#written = 0;
    await this.#host.guard(async () => {
      await this.#removeCheckpoint();
      await this.#file?.handle?.truncate(0);
    });
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
        await writeRest(handle, Buffer.concat(blocks).subarray(bytesWritten), this.#written + bytesWritten);
    });
    this.#written += bytes;
  }

  async #opened(): Promise<{ path: string; handle: FileHandle }> {
    const { path, handle } = (this.#file ??= await this.#host.create(this.#name));
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

async function writeRest(handle: FileHandle, rest: Buffer, position: number): Promise<void> {
  for (let offset = 0; offset < rest.length;) {
    const { bytesWritten } = await handle.write(rest, offset, rest.length - offset, position + offset);
    offset += bytesWritten;
  }
}

type Earlier = { best: (Checkpoint & { path: string }) | undefined; all: string[] };

async function findEarlier(label: string, host: PartHost): Promise<Earlier> {
  const all = (await host.earlier()).filter((path) => basename(path).startsWith(`${label}.`));
  let best: Earlier['best'];
  for (const path of all) {
    const found = await readCheckpoint(path);
    if (found !== undefined && found.bytes > (best?.bytes ?? 0)) best = { ...found, path };
  }
  return { best, all };
}

/** A checkpoint that a power failure has torn, or whose part is shorter than it says, is none. */
async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  try {
    const [text, { size }] = await Promise.all([readFile(checkpointOf(path), 'utf8'), stat(path)]);
    const { bytes, validator } = JSON.parse(text) as Checkpoint;
    return bytes > 0 && size >= bytes ? { bytes, validator } : undefined;
  } catch {
    return undefined;
  }
}

function checkpointOf(path: string): string {
  return path.replace(/\.part$/, '.checkpoint.json');
}

async function* readPrefix(path: string, bytes: number): AsyncIterable<Buffer> {
  if (bytes > 0) yield* createReadStream(path, { end: bytes - 1, highWaterMark: READ_BLOCK }) as AsyncIterable<Buffer>;
}
