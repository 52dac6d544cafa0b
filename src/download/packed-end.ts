import type { Gunzip } from 'node:zlib';
import { ContentError } from './content-error.ts';

/**
 * Watches that nothing but padding is behind the end of gzip. Node.js ends it at NUL bytes behind a member (some writers
 * fill a block with them), and passes over whatever follows, another member with more of the file included.
 */
export class PackedEnd {
  #bytes = 0;
  /** Behind the last byte that is not NUL. */
  #filled = 0;

  /** The next packed bytes. */
  add(chunk: Uint8Array): void {
    let end = chunk.length;
    while (end > 0 && chunk[end - 1] === 0) end--;
    if (end > 0) this.#filled = this.#bytes + end;
    this.#bytes += chunk.length;
  }

  /** @throws ContentError unless all has been unpacked */
  check({ bytesWritten }: Pick<Gunzip, 'bytesWritten'>): void {
    if (this.#filled > bytesWritten) throw new ContentError('something follows behind the end of its gzip');
  }
}
