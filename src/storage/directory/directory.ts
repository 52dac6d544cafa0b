import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import {
  link,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join, sep } from 'node:path';
import { ExportError } from '../../errors.ts';
import { openDirectoryPart } from './directory-part.ts';
import { toStorageError } from '../storage-error.ts';
import type { Folder, Neighbour, Part } from '../folder.ts';

/** Where unpublished parts are, and how documents begin that are being written. */
const PARTS_FOLDER = '.export/parts';
const STATE_FOLDER = '.export';
const UNFINISHED = 'unfinished-';
/** Folders below an export that are looked into for another one; its own are four. */
const MOST_FOLDERS = 10_000;

/**
 * Opens an export's folder below a directory destination, making it when it is not there.
 *
 * @param root absolute path of the destination
 * @param path of the export below it, already checked
 * @throws ExportError `DestinationFailed` when the folder leads out of the destination by a symbolic link
 */
export async function openDirectory(root: string, path: string): Promise<Folder> {
  const folder = join(root, path);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const [realRoot, realFolder] = await Promise.all([realpath(root), realpath(folder)]);
    if (!`${realFolder}${sep}`.startsWith(`${realRoot}${sep}`)) {
      throw new ExportError('DestinationFailed', `${folder} leads out of its destination by a symbolic link`);
    }
    return new DirectoryFolder(realRoot, realFolder);
  } catch (error) {
    throw await toStorageError(error, folder);
  }
}

class DirectoryFolder implements Folder {
  readonly location: string;
  readonly mayChange: () => Promise<void>;
  readonly #root: string;
  /** Folders in which names have been published that are not durable yet. */
  #unsynced = new Set<string>();
  #earlierParts: Promise<string[]> | undefined;

  constructor(root: string, location: string, mayChange = async (): Promise<void> => {}) {
    this.#root = root;
    this.location = location;
    this.mayChange = mayChange;
  }

  guardedBy(mayChange: () => Promise<void>): Folder {
    return new DirectoryFolder(this.#root, this.location, mayChange);
  }

  async read(name: string): Promise<Buffer | undefined> {
    return this.#guard(() => absentAs(undefined, readFile(this.#path(name))));
  }

  async *stream(name: string): AsyncIterable<Buffer> {
    try {
      yield* createReadStream(this.#path(name), { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
      // Its attempt may have been killed before it could make the name durable, and now somebody relies on it.
      this.#unsynced.add(dirname(this.#path(name)));
    } catch (error) {
      throw await toStorageError(error, this.location);
    }
  }

  async size(name: string): Promise<number | undefined> {
    return this.#guard(async () => (await absentAs(undefined, stat(this.#path(name))))?.size);
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await this.#guard(async () => {
      // First, so that what the document speaks of is durable before it is.
      await this.syncNames();
      const part = await this.#writeWhole(content);
      await this.#orDiscard(part, async () => {
        await this.mayChange();
        await this.#inFolder(name, () => rename(part, this.#path(name)));
      });
      this.#unsynced.add(dirname(this.#path(name)));
      await this.syncNames();
    });
  }

  async create(name: string, content: string | Uint8Array): Promise<boolean> {
    return this.#guard(async () => {
      const part = await this.#writeWhole(content);
      const created = await this.#orDiscard(part, () => this.#publish(part, name));
      await this.syncNames();
      return created;
    });
  }

  async list(folder: string): Promise<string[]> {
    return this.#guard(() => absentAs([], readdir(this.#path(folder))));
  }

  async remove(name: string): Promise<void> {
    await this.#guard(async () => {
      await this.mayChange();
      await rm(this.#path(name), { recursive: true, force: true, maxRetries: 3 });
    });
  }

  async removeFile(name: string): Promise<void> {
    await this.#guard(async () => {
      const found = await absentAs(undefined, lstat(this.#path(name)));
      if (found === undefined || found.isDirectory()) return;
      await this.mayChange();
      await absentAs(undefined, unlink(this.#path(name)));
    });
  }

  async openPart(label: string): Promise<Part> {
    return this.#guard(() =>
      openDirectoryPart(label, {
        earlier: () => (this.#earlierParts ??= this.#listParts()),
        create: (name) => this.#createIn(PARTS_FOLDER, name),
        guard: (action) => this.#guard(action),
        publish: (path, name) => this.#publish(path, name),
      }),
    );
  }

  /** One sync for all files of a batch: each costs as much as the file itself when files are small. */
  async syncNames(): Promise<void> {
    const folders = [...this.#unsynced];
    this.#unsynced.clear();
    try {
      await this.#guard(() => Promise.all(folders.map(syncFolder)));
    } catch (error) {
      folders.forEach((folder) => this.#unsynced.add(folder));
      throw error;
    }
  }

  async freeSpace(): Promise<number | undefined> {
    return this.#guard(async () => {
      const { bavail, bsize } = await statfs(this.location);
      return bavail * bsize;
    });
  }

  async removeParts(): Promise<void> {
    await this.remove(PARTS_FOLDER);
    for (const name of await this.list(STATE_FOLDER)) {
      if (name.startsWith(UNFINISHED)) await this.remove(`${STATE_FOLDER}/${name}`);
    }
  }

  async findNeighbour(name: string): Promise<Neighbour | undefined> {
    return this.#guard(async () => {
      for (let above = this.location; above.length > this.#root.length;) {
        above = dirname(above);
        if (await isThere(join(above, name))) return { is: 'above', location: above };
      }
      const folders = [this.location];
      for (let looked = 0; looked < MOST_FOLDERS && folders.length > 0; looked++) {
        const folder = folders.shift() as string;
        const entries = await absentAs([], readdir(folder, { withFileTypes: true }));
        for (const entry of entries) {
          if (!entry.isDirectory() || entry.name === STATE_FOLDER) continue;
          const below = join(folder, entry.name);
          if (await isThere(join(below, name))) return { is: 'below', location: below };
          folders.push(below);
        }
      }
      return undefined;
    });
  }

  async removeIfEmpty(): Promise<void> {
    try {
      await absentAs(undefined, rmdir(this.#path(STATE_FOLDER)));
      for (let folder = this.location; folder.length > this.#root.length; folder = dirname(folder)) await rmdir(folder);
    } catch {
      // Not empty: that is as far as it goes.
    }
  }

  async #orDiscard<T>(part: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await rm(part, { force: true }).catch(() => {});
      throw error;
    }
  }

  async #writeWhole(content: string | Uint8Array): Promise<string> {
    const { path, handle } = await this.#createIn(STATE_FOLDER, `${UNFINISHED}${randomUUID()}`);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return path;
  }

  async #createIn(folder: string, name: string): Promise<{ path: string; handle: FileHandle }> {
    const path = this.#path(`${folder}/${name}`);
    return { path, handle: await this.#inFolder(`${folder}/${name}`, () => open(path, 'wx', 0o600)) };
  }

  async #listParts(): Promise<string[]> {
    const names = await absentAs([], readdir(this.#path(PARTS_FOLDER)));
    return names.filter((name) => name.endsWith('.part')).map((name) => this.#path(`${PARTS_FOLDER}/${name}`));
  }

  /** A link fails where a rename would overwrite, so that of two attempts only one can publish. */
  async #publish(part: string, name: string): Promise<boolean> {
    const final = this.#path(name);
    await this.mayChange();
    try {
      await this.#inFolder(name, () => link(part, final));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return await discardAnd(part, false);
      // File systems without hard links (exFAT, some network mounts).
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'EMLINK') throw error;
      if ((await absentAs(undefined, lstat(final))) !== undefined) return await discardAnd(part, false);
      await rename(part, final);
      this.#unsynced.add(dirname(final));
      return true;
    }
    this.#unsynced.add(dirname(final));
    return await discardAnd(part, true);
  }

  /** Makes the folder of a file when it turns out not to be there. */
  async #inFolder<T>(name: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      const folder = dirname(this.#path(name));
      const first = await mkdir(folder, { recursive: true, mode: 0o700 });
      // A new folder is a name as well, and must be durable before what is in it is.
      for (
        let made = folder;
        made.length >= (first?.length ?? Infinity) && made !== this.location;
        made = dirname(made)
      ) {
        this.#unsynced.add(dirname(made));
      }
      return await action();
    }
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

async function discardAnd<T>(part: string, result: T): Promise<T> {
  await absentAs(undefined, unlink(part));
  return result;
}

async function isThere(path: string): Promise<boolean> {
  return (await absentAs(undefined, stat(path))) !== undefined;
}

/** A name is durable only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function absentAs<T, A>(absent: A, result: Promise<T>): Promise<T | A> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return absent;
    throw error;
  }
}
