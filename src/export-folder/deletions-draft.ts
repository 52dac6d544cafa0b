import type { Deletion } from '../fhir/deletions.ts';
import type { Folder, Part } from '../storage/folder.ts';
import { FILES } from './layout.ts';
import { publishAgain } from './publish-again.ts';

/** Characters that are collected before they are written. */
const BLOCK = 64 * 1024;

/** `deletions.ndjson` while it is written: a line for each resource that the server lists as deleted. */
export class DeletionsDraft {
  readonly #folder: Folder;
  readonly #transactionTime: string;
  #part: Part | undefined;
  #lines = '';

  /** @param transactionTime of the export: what it lists was deleted by then */
  constructor(folder: Folder, transactionTime: string) {
    this.#folder = folder;
    this.#transactionTime = transactionTime;
  }

  /** Begins the file. It is there whenever the server lists deletions, also if it lists none this time. */
  async open(): Promise<void> {
    this.#part ??= await this.#folder.openPart('deletions');
  }

  /** Of a file that is open. Holds some lines. */
  async add({ type, id, time = this.#transactionTime }: Deletion): Promise<void> {
    this.#lines += `${JSON.stringify({ type, id, ...(time === '' ? {} : { time }) })}\n`;
    if (this.#lines.length > BLOCK) await this.#write();
  }

  /** Gives the file its name, if there is one. */
  async publish(): Promise<void> {
    if (this.#part === undefined) return;
    await this.#write();
    await this.#part.finish();
    await publishAgain(this.#folder, this.#part, FILES.deletions);
  }

  /** May be called at any time. */
  async discard(): Promise<void> {
    await this.#part?.discard();
  }

  async #write(): Promise<void> {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') await this.#part?.write([Buffer.from(lines)]);
  }
}
