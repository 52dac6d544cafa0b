import { link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { absentAs } from './absent-as.ts';

/** How a link fails where there are none (exFAT, some network mounts, file systems in user space), or no more of them. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Gives files their names. A name is durable only when its folder is: one sync for all files of a batch, because each
 * costs as much as the file itself when files are small.
 */
export class DurableNames {
  readonly #place: string;
  /** Folders with names that are not durable yet; false: only names that were taken away. */
  #unsynced = new Map<string, boolean>();
  #syncing: Promise<void> = Promise.resolve();

  /** @param place absolute path; folders are made below it */
  constructor(place: string) {
    this.#place = place;
  }

  /** The name of a file must become durable. */
  add(path: string): void {
    this.#unsynced.set(dirname(path), true);
  }

  /**
   * A file must stay away: after a loss of power, some file systems bring it back beside documents that were written later
   * (btrfs, ZFS). Its folder may be gone by then.
   */
  addRemoval(path: string): void {
    const folder = dirname(path);
    this.#unsynced.set(folder, this.#unsynced.get(folder) ?? false);
  }

  /** All names are durable that were added before, also those that another caller is making so. */
  async sync(): Promise<void> {
    // One after another: nobody may take for durable what an earlier one has only begun, and may give back.
    const syncing = this.#syncing.catch(() => {}).then(() => this.#syncAll());
    this.#syncing = syncing;
    await syncing;
  }

  /** Gives a file its name in place of an earlier one. */
  async replace(from: string, to: string): Promise<void> {
    await this.inFolderOf(to, () => rename(from, to));
    this.add(to);
  }

  /**
   * Gives a file its name, or removes it when the name is taken. A link fails where a rename would overwrite, so that of
   * two attempts only one can publish. Without links it is looked whether the name is taken: an attempt that sleeps right
   * behind that look would overwrite what another one publishes meanwhile. Node.js has no rename that would not.
   *
   * @param move gives it the name by `link` and `unlink`; default: in this thread
   * @returns false when the name is taken
   */
  async publish(from: string, to: string, move = linkAndUnlink): Promise<boolean> {
    try {
      await this.inFolderOf(to, () => move(from, to));
    } catch (error) {
      const { code = '', syscall } = error as NodeJS.ErrnoException;
      // It has its name by then.
      if (syscall === 'unlink') throw error;
      if (code === 'EEXIST') return await discardAnd(from, false);
      if (!NO_LINKS.has(code)) throw error;
      if ((await absentAs(undefined, lstat(to))) !== undefined) return await discardAnd(from, false);
      await rename(from, to);
      this.add(to);
      return true;
    }
    this.add(to);
    return true;
  }

  /** Does something with a path, and makes its folder if that turns out not to exist. */
  async inFolderOf<T>(path: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      const folder = dirname(path);
      const first = await mkdir(folder, { recursive: true, mode: 0o700 });
      // A new folder is a name as well, and must be durable before what is in it is.
      for (
        let made = folder;
        made.length >= (first?.length ?? Infinity) && made !== this.#place;
        made = dirname(made)
      ) {
        this.add(made);
      }
      return await action();
    }
  }

  async #syncAll(): Promise<void> {
    const folders = [...this.#unsynced];
    this.#unsynced.clear();
    try {
      await Promise.all(
        folders.map(([folder, hasNames]) => (hasNames ? syncFolder(folder) : absentAs(undefined, syncFolder(folder)))),
      );
    } catch (error) {
      for (const [folder, hasNames] of folders) {
        this.#unsynced.set(folder, hasNames || (this.#unsynced.get(folder) ?? false));
      }
      throw error;
    }
  }
}

async function linkAndUnlink(from: string, to: string): Promise<void> {
  await link(from, to);
  await absentAs(undefined, unlink(from));
}

async function discardAnd<T>(path: string, result: T): Promise<T> {
  await absentAs(undefined, unlink(path));
  return result;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
