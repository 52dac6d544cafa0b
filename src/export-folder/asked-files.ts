import type { Folder } from '../storage/folder.ts';
import { FILES, askedFile } from './layout.ts';

/**
 * How often files have been asked for, where the server counts that: each time is a file of its own, which one attempt
 * alone can create, so that attempts that do not know of each other are counted, too.
 */
export class AskedFiles {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /**
   * Counts one more request for a file, before it is sent.
   *
   * @param most requests that the server allows
   * @returns false when so many have been counted
   */
  async claim(ordinal: number, most: number): Promise<boolean> {
    for (let time = 1; time <= most; time++) {
      if (await this.#folder.create(askedFile(ordinal, time), '')) return true;
    }
    return false;
  }

  async forget(): Promise<void> {
    await this.#folder.remove(FILES.asked);
  }
}
