import { join } from 'node:path';
import type { JobFile } from './expected-file.ts';
import { NdjsonFile } from './ndjson-file.ts';

/** Files of one kind and type: `Patient.1.ndjson`, `Patient.2.ndjson`, … each with at most so many lines. */
export class FileSet {
  readonly files: JobFile[] = [];
  readonly #folder: string;
  readonly #names: Pick<JobFile, 'kind' | 'type'> & { prefix: string };
  readonly #linesPerFile: number;
  #current: NdjsonFile | undefined;
  #headers = 0;

  constructor(folder: string, names: Pick<JobFile, 'kind' | 'type'> & { prefix: string }, linesPerFile: number) {
    this.#folder = folder;
    this.#names = names;
    this.#linesPerFile = linesPerFile;
  }

  /** How many more lines fit into the current file. */
  get room(): number {
    return this.#linesPerFile - (this.#current?.lines ?? 0);
  }

  /** `header`: the line introduces a block of organised output and is no resource of its own. */
  async add(line: string, header = false): Promise<void> {
    if (this.room <= 0) await this.endFile();
    this.#current ??= new NdjsonFile(join(this.#folder, this.#nextName()));
    if (header) this.#headers += 1;
    await this.#current.add(line);
  }

  /** `continues`: the file after this one goes on with the same block. */
  async endFile(continues = false): Promise<void> {
    const file = this.#current;
    if (file === undefined) return;
    const { bytes, sha256 } = await file.close();
    const { kind, type } = this.#names;
    const name = this.#nextName();
    const resources = file.lines - this.#headers;
    this.#current = undefined;
    this.#headers = 0;
    this.files.push({ kind, name, lines: file.lines, resources, bytes, sha256, path: file.path });
    const written = this.files.at(-1) as JobFile;
    if (type !== undefined) written.type = type;
    if (continues) written.continuesIn = this.#nextName();
  }

  #nextName(): string {
    return `${this.#names.prefix}.${this.files.length + 1}.ndjson`;
  }
}
