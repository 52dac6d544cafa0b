import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import type { Receipt } from './receipt.ts';

/**
 * Looks for files that came twice, where fresh links were given to files by their order: a server that had changed it has
 * sent one of them twice, and another never. So it is the other way round as well: where no two are equal, all have come.
 */
export class EqualFiles {
  /** Names by hash. */
  readonly #names = new Map<string, { name: string; url: string }>();

  /** @throws ExportError `ExportExpired` when a file equals an earlier one that has another link */
  add(
    { kind, url, name }: Pick<Entry, 'kind' | 'url' | 'name'>,
    { bytes, sha256 }: Pick<Receipt, 'bytes' | 'sha256'>,
  ): void {
    if (kind !== 'output' || bytes === 0) return;
    const earlier = this.#names.get(sha256);
    if (earlier === undefined) this.#names.set(sha256, { name, url });
    else if (earlier.url !== url)
      throw new ExportError(
        'ExportExpired',
        `${earlier.name} and ${name} are equal, and when the server gave fresh links, only their order told which is which: one file may have come twice, and another never`,
      );
  }
}
