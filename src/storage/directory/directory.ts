import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, open, readFile, readdir, rm, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Folder, Neighbour, Part } from '../folder.ts';
import { toStorageError } from '../storage-error.ts';
import { PARTS_FOLDER, WORK_FOLDER } from '../work-folder.ts';
import { absentAs } from './absent-as.ts';
import type { PartHost } from './directory-part.ts';
import { openDirectoryPart } from './directory-part.ts';
import { DurableNames } from './durable-names.ts';
import type { FileThread } from './file-thread.ts';
import { fileThreadOf } from './file-threads.ts';
import { lastChangeIn } from './last-change.ts';
import { findNeighbour } from './find-neighbour.ts';
import { freeBytes } from './free-bytes.ts';
import { makeInside } from './place-inside.ts';
import { unlinkFiles } from './unlink-files.ts';

/** How the names of documents begin that are being written. */
const UNFINISHED = 'unfinished-';

/**
 * Opens a place below a directory destination, making its folder when it does not exist.
 *
 * @param root absolute path of the destination
 * @param path of the place below it, already checked
 * @param thread for small files; default: the one of the file system
 * @throws ExportError `DestinationFailed` when the folder leads out of the destination, as by a symbolic link
 */
export async function openDirectory(root: string, path: string, thread?: FileThread): Promise<Folder> {
  try {
    const { realRoot, realFolder } = await makeInside(root, path);
    return new DirectoryFolder(realRoot, realFolder, thread ?? fileThreadOf((await stat(realFolder)).dev));
  } catch (error) {
    throw await toStorageError(error, join(root, path));
  }
}

class DirectoryFolder implements Folder {
  readonly location: string;
  readonly mayChange: () => Promise<void>;
  readonly #root: string;
  readonly #thread: FileThread;
  readonly #names: DurableNames;
  #earlierParts: Promise<string[]> | undefined;

  constructor(root: string, location: string, thread: FileThread, mayChange = async (): Promise<void> => {}) {
    this.#root = root;
    this.#thread = thread;
    this.location = location;
    this.mayChange = mayChange;
    this.#names = new DurableNames(location);
  }

  guardedBy(mayChange: () => Promise<void>): Folder {
    return new DirectoryFolder(this.#root, this.location, this.#thread, mayChange);
  }

  async read(name: string): Promise<Buffer | undefined> {
    const path = this.#path(name);
    return this.#guard(() => this.#thread.forStep()?.read(path) ?? absentAs(undefined, readFile(path)));
  }

  async *stream(name: string): AsyncIterable<Buffer> {
    try {
      yield* createReadStream(this.#path(name), { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
      // Its attempt may have been killed before it could make the name durable, and now somebody relies on it.
      this.#names.add(this.#path(name));
    } catch (error) {
      throw await toStorageError(error, this.location);
    }
  }

  async size(name: string): Promise<number | undefined> {
    const path = this.#path(name);
    return this.#guard(async () => {
      const thread = this.#thread.forStep();
      return thread === undefined ? (await absentAs(undefined, stat(path)))?.size : thread.size(path);
    });
  }

  async lastChange(name: string): Promise<number | undefined> {
    return this.#guard(async () => {
      const found = await absentAs(undefined, lstat(this.#path(name)));
      return found?.isDirectory() === true ? undefined : found?.mtimeMs;
    });
  }

  async lastChangeIn(folder: string, except?: string): Promise<number | undefined> {
    return this.#guard(() => lastChangeIn(this.#path(folder), except === undefined ? undefined : this.#path(except)));
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await this.#guard(async () => {
      // First, so that what the document speaks of is durable before it is.
      await this.#names.sync();
      const part = await this.#writeWhole(content);
      await orDiscard(part, async () => {
        await this.mayChange();
        await this.#names.replace(part, this.#path(name));
      });
      await this.#names.sync();
    });
  }

  async create(name: string, content: string | Uint8Array): Promise<boolean> {
    return this.#guard(async () => {
      const part = await this.#writeWhole(content);
      const created = await orDiscard(part, () => this.#publish(part, name));
      await this.#names.sync();
      return created;
    });
  }

  async list(folder: string): Promise<string[]> {
    return this.#guard(() => absentAs([], readdir(this.#path(folder))));
  }

  async listFolders(folder: string): Promise<string[]> {
    const entries = await this.#guard(() => absentAs([], readdir(this.#path(folder), { withFileTypes: true })));
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async remove(name: string): Promise<void> {
    await this.#guard(async () => {
      await this.mayChange();
      await rm(this.#path(name), { recursive: true, force: true, maxRetries: 3 });
      this.#names.addRemoval(this.#path(name));
    });
  }

  async removeFile(name: string): Promise<void> {
    await this.#guard(async () => {
      const found = await absentAs(undefined, lstat(this.#path(name)));
      if (found === undefined || found.isDirectory()) return;
      await this.mayChange();
      await absentAs(undefined, unlink(this.#path(name)));
      this.#names.addRemoval(this.#path(name));
    });
  }

  async removeFiles(names: readonly string[]): Promise<void> {
    const paths = names.map((name) => this.#path(name));
    await this.#guard(() => unlinkFiles(paths, this.mayChange, (path) => this.#names.addRemoval(path)));
  }

  async openPart(label: string, _name?: string, signal?: AbortSignal): Promise<Part> {
    const host: PartHost = {
      earlier: () => (this.#earlierParts ??= this.#listParts()),
      create: (name, flags) => this.#createIn(PARTS_FOLDER, name, flags),
      writeElsewhere: (name, content) => this.#writeElsewhere(name, content),
      guard: (action) => this.#guard(action),
      publish: (path, name) => this.#publish(path, name),
    };
    return this.#guard(() => openDirectoryPart(label, host, signal));
  }

  async syncNames(): Promise<void> {
    await this.#guard(() => this.#names.sync());
  }

  async freeSpace(): Promise<number | undefined> {
    return this.#guard(async () => freeBytes(await statfs(this.location)));
  }

  async removeParts(): Promise<void> {
    await this.remove(PARTS_FOLDER);
    for (const name of await this.list(WORK_FOLDER)) {
      if (name.startsWith(UNFINISHED)) await this.remove(`${WORK_FOLDER}/${name}`);
    }
  }

  async findNeighbour(...names: readonly string[]): Promise<Neighbour | undefined> {
    return this.#guard(() => findNeighbour(this.#root, this.location, names));
  }

  async removeIfEmpty(): Promise<void> {
    try {
      await absentAs(undefined, rmdir(this.#path(WORK_FOLDER)));
      for (let folder = this.location; folder.length > this.#root.length; folder = dirname(folder)) await rmdir(folder);
    } catch {
      // Not empty: that is as far as it goes.
    }
  }

  async #writeWhole(content: string | Uint8Array): Promise<string> {
    const { path, handle } = await this.#createIn(WORK_FOLDER, `${UNFINISHED}${randomUUID()}`);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } catch (error) {
      // On a disk that is full, what is left of each attempt would take room that nobody gives back.
      await rm(path, { force: true }).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    return path;
  }

  async #createIn(
    folder: string,
    name: string,
    flags: string | number = 'wx',
  ): Promise<{ path: string; handle: FileHandle }> {
    const path = this.#path(`${folder}/${name}`);
    return { path, handle: await this.#names.inFolderOf(path, () => open(path, flags, 0o600)) };
  }

  #writeElsewhere(name: string, content: Uint8Array): { path: string; written: Promise<void> } | undefined {
    const placed = this.#thread.forStep()?.place(content);
    if (placed === undefined) return undefined;
    const path = this.#path(`${PARTS_FOLDER}/${name}`);
    return { path, written: this.#names.inFolderOf(path, () => placed.write(path)).finally(() => placed.free()) };
  }

  async #listParts(): Promise<string[]> {
    const names = await absentAs([], readdir(this.#path(PARTS_FOLDER)));
    return names.filter((name) => name.endsWith('.part')).map((name) => this.#path(`${PARTS_FOLDER}/${name}`));
  }

  async #publish(part: string, name: string): Promise<boolean> {
    await this.mayChange();
    const thread = this.#thread.forStep();
    return this.#names.publish(part, this.#path(name), thread && ((from, to) => thread.move(from, to)));
  }

  #path(name: string): string {
    return join(this.location, name);
  }

  async #guard<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw await toStorageError(error, this.location);
    }
  }
}

async function orDiscard<T>(part: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw error;
  }
}
