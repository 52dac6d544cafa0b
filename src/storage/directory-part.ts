import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { copyFile, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part, ResumedPart } from './export-folder.ts';

/** Bytes that are gathered before they are written: a system call for each network packet would cost more. */
const BLOCK = 1024 * 1024;
const READ_BLOCK = 256 * 1024;

/** What the folder does for its parts. */
export interface PartHost {
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
export async function openDirectoryPart(folder: string, label: string, host: PartHost): Promise<Part> {
  const earlier = await findEarlier(folder, label);
  const path = join(folder, `${label}.${randomUUID()}.part`);
  if (earlier.best === undefined) return new DirectoryPart(await open(path, 'wx', 0o600), path, host, undefined);
  const { best } = earlier;
  await copyFile(best.path, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const handle = await open(path, 'r+', 0o600);
  await handle.truncate(best.bytes);
  const part = new DirectoryPart(handle, path, host, {
    bytes: best.bytes,
    validator: best.validator,
    read: () => readPrefix(path, best.bytes),
  });
  await part.checkpoint(best.validator);
  // Taken over: whoever still writes there will not be able to publish.
  await Promise.all(
    earlier.all.flatMap((file) => [rm(file, { force: true }), rm(checkpointOf(file), { force: true })]),
  );
  return part;
}

class DirectoryPart implements Part {
  readonly resumed: ResumedPart | undefined;
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #host: PartHost;
  #blocks: Uint8Array[] = [];
  #gathered = 0;
  #written: number;
  #open = true;

  constructor(handle: FileHandle, path: string, host: PartHost, resumed: ResumedPart | undefined) {
    this.#handle = handle;
    this.#path = path;
    this.#host = host;
    this.resumed = resumed;
    this.#written = resumed?.bytes ?? 0;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#blocks.push(chunk);
    this.#gathered += chunk.length;
    if (this.#gathered >= BLOCK) await this.#flush();
  }

  async checkpoint(validator: string): Promise<void> {
    await this.#flush();
    await this.#host.guard(async () => {
      await this.#handle.datasync();
      const text = JSON.stringify({ bytes: this.#written, validator } satisfies Checkpoint);
      const unfinished = `${this.#path}.unfinished`;
      await writeFile(unfinished, text, { mode: 0o600 });
      await rename(unfinished, checkpointOf(this.#path));
    });
  }

  async restart(): Promise<void> {
    this.#blocks = [];
    this.#gathered = 0;
    this.#written = 0;
    await this.#host.guard(async () => {
      await rm(checkpointOf(this.#path), { force: true });
      await this.#handle.truncate(0);
    });
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#host.guard(async () => {
      await this.#handle.sync();
      await this.#close();
    });
  }

  async publish(name: string): Promise<boolean> {
    const published = await this.#host.guard(() => this.#host.publish(this.#path, name));
    await rm(checkpointOf(this.#path), { force: true });
    return published;
  }

  async discard(): Promise<void> {
    await this.#close();
    await Promise.all([rm(this.#path, { force: true }), rm(checkpointOf(this.#path), { force: true })]);
  }

  async keep(): Promise<void> {
    await this.#close();
    // Nothing that a later attempt could take over.
    if ((await readCheckpoint(this.#path)) === undefined) await rm(this.#path, { force: true });
  }

  async #flush(): Promise<void> {
    const blocks = this.#blocks;
    const bytes = this.#gathered;
    this.#blocks = [];
    this.#gathered = 0;
    if (bytes === 0) return;
    await this.#host.guard(async () => {
      const { bytesWritten } = await this.#handle.writev(blocks, this.#written);
      // A short write (a full disk, a signal) is finished piece by piece.
      if (bytesWritten < bytes)
        await this.#writeRest(Buffer.concat(blocks).subarray(bytesWritten), this.#written + bytesWritten);
    });
    this.#written += bytes;
  }

  async #writeRest(rest: Buffer, position: number): Promise<void> {
    for (let offset = 0; offset < rest.length;) {
      const { bytesWritten } = await this.#handle.write(rest, offset, rest.length - offset, position + offset);
      offset += bytesWritten;
    }
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#handle.close();
  }
}

type Earlier = { best: (Checkpoint & { path: string }) | undefined; all: string[] };

async function findEarlier(folder: string, label: string): Promise<Earlier> {
  const all = (await readdir(folder))
    .filter((name) => name.startsWith(`${label}.`) && name.endsWith('.part'))
    .map((name) => join(folder, name));
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
