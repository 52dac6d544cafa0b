import type { Folder } from '../storage/folder.ts';
import { FILES, troubleFile } from './layout.ts';

/** Why files have not been fetched: the latest trouble of each. */
export class Troubles {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  async record(ordinal: number, detail: string): Promise<void> {
    await this.#folder.write(troubleFile(ordinal), detail);
  }

  async of(ordinal: number): Promise<string> {
    return (await this.#folder.read(troubleFile(ordinal)))?.toString('utf8') ?? 'not fetched';
  }

  async forget(): Promise<void> {
    await this.#folder.remove(FILES.troubles);
  }
}
