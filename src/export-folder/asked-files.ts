import type { Folder } from '../storage/folder.ts';
import { createOwn } from './create-own.ts';
import { FILES, askedFile } from './layout.ts';

/** One counted request for a file. */
export interface Claim {
  generation: number;
  ordinal: number;
  time: number;
}

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
   * @param generation of the job: the server counts the files of another one anew
   * @param most requests that the server allows
   * @returns undefined when so many have been counted
   */
  async claim(generation: number, ordinal: number, most: number): Promise<Claim | undefined> {
    for (let time = 1; time <= most; time++) {
      const claim = { generation, ordinal, time };
      if (await createOwn(this.#folder, askedFile(claim))) return claim;
    }
    return undefined;
  }

  /** Takes back a request that brought nothing. */
  async giveBack(claim: Claim): Promise<void> {
    await this.#folder.removeFile(askedFile(claim));
  }

  async forget(): Promise<void> {
    await this.#folder.remove(FILES.asked);
  }
}
