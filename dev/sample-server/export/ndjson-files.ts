import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of an export on disk, exactly as a faultless client must receive it. */
export type JobFile = {
  kind: 'output' | 'deleted' | 'error';
  /** Absent in organised output; `Bundle` and `OperationOutcome` for the other kinds. */
  type?: string | undefined;
  /** `Patient.1.ndjson`. */
  name: string;
  /** Lines, that is records, of the NDJSON. */
  lines: number;
  /** The `count` of the manifest: lines without the headers of organised output. */
  resources: number;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** On disk, with exactly these bytes. */
  path: string;
  /** Name of the file in which the last block continues (organised output). */
  continuesIn?: string | undefined;
  /** Messages per severity (`error` files). */
  severities?: Record<string, number>;
};

/** {@link JobFile} with its current address. */
export type ExpectedFile = JobFile & { url: string };

type Names = Pick<JobFile, 'kind' | 'type'> & { prefix: string };

/** Files of one kind and type: `Patient.1.ndjson`, `Patient.2.ndjson`, … each with at most `linesPerFile` lines. */
export class FileSet {
  readonly files: JobFile[] = [];
  readonly #folder: string;
  readonly #names: Names;
  readonly #linesPerFile: number;
  #current: NdjsonFile | undefined;
  #headers = 0;

  constructor(folder: string, names: Names, linesPerFile: number) {
    this.#folder = folder;
    this.#names = names;
    this.#linesPerFile = linesPerFile;
  }

  /** How many more lines fit into the current file. */
  get room(): number {
    return this.#linesPerFile - (this.#current?.lines ?? 0);
  }

  /** `header`: the line introduces a block of organised output, and does not count as a resource. */
  async add(line: string, header = false): Promise<void> {
    if (this.room <= 0) await this.endFile();
    this.#current ??= new NdjsonFile(join(this.#folder, this.#nextName()));
    if (header) this.#headers += 1;
    await this.#current.add(line);
  }

  /** `continues`: the next file continues the same block. */
  async endFile(continues = false): Promise<void> {
    const file = this.#current;
    if (file === undefined) return;
    const { path, lines } = file;
    const { kind, type } = this.#names;
    const name = this.#nextName();
    const resources = lines - this.#headers;
    const written: JobFile = { kind, name, lines, resources, ...(await file.close()), path, type };
    this.#current = undefined;
    this.#headers = 0;
    this.files.push(written);
    if (continues) written.continuesIn = this.#nextName();
  }

  #nextName(): string {
    return `${this.#names.prefix}.${this.files.length + 1}.ndjson`;
  }
}

const flushAt = 256 * 1024;

/** A file that is written line by line, with about 256 KB in memory. Its size and hash are known when it is closed. */
class NdjsonFile {
  readonly path: string;
  lines = 0;
  #bytes = 0;
  #hash = createHash('sha256');
  #waiting: string[] = [];
  #waitingLength = 0;
  #handle: FileHandle | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Returns a promise only when bytes go to disk, because awaiting each of a million lines would take seconds. */
  add(line: string): Promise<void> | undefined {
    this.lines += 1;
    this.#waiting.push(line, '\n');
    this.#waitingLength += line.length + 1;
    return this.#waitingLength >= flushAt ? this.#flush() : undefined;
  }

  async close(): Promise<{ bytes: number; sha256: string }> {
    await this.#flush();
    await this.#handle?.close();
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#bytes += bytes.length;
    this.#hash.update(bytes);
    this.#handle ??= await open(this.path, 'w', 0o600);
    await this.#handle.writeFile(bytes);
  }
}
