import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';

const flushAt = 256 * 1024;

/** A file that is written line by line, with its size and hash known at the end; about 256 KB are in memory. */
export class NdjsonFile {
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
