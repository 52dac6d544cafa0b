import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { Entry } from '../fhir/entries.ts';
import type { CheckOutcome, FileChecks } from './checked-file.ts';

/**
 * Checks an attachment. Resources are often wrong about the size (some give that of the base64 text) and the hash, so
 * what they say is compared, and never a reason to throw content away; but nothing at all is none.
 */
export class AttachmentChecks implements FileChecks {
  readonly #entry: Pick<Entry, 'fileSize' | 'hash'>;
  readonly #sha256 = createHash('sha256');
  readonly #sha1: Hash | undefined;
  #bytes = 0;

  constructor(entry: Pick<Entry, 'fileSize' | 'hash'>) {
    this.#entry = entry;
    this.#sha1 = entry.hash === undefined ? undefined : createHash('sha1');
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** It is known by its hash. */
  get point(): undefined {
    return undefined;
  }

  push(chunk: Uint8Array): undefined {
    this.#sha256.update(chunk);
    this.#sha1?.update(chunk);
    this.#bytes += chunk.length;
  }

  end(endIsProved: boolean): CheckOutcome {
    const { fileSize, hash } = this.#entry;
    const sizeIsRight = fileSize === undefined ? undefined : fileSize === this.#bytes;
    const hashIsRight = this.#isSha1(hash);
    if (!endIsProved && sizeIsRight !== true && hashIsRight !== true) {
      const detail = 'its end is only the closing of the connection, and no size or hash shows that it is complete';
      return { kind: 'wrong', detail };
    }
    // Some servers and proxies answer 200 and nothing, when they have lost what they should send.
    if (this.#bytes === 0 && (sizeIsRight ?? hashIsRight) === false) {
      const said = sizeIsRight === false ? 'size' : 'hash';
      return { kind: 'wrong', detail: `it is empty, and its resource has the ${said} of something` };
    }
    const differs = [
      ...(sizeIsRight === false ? (['size'] as const) : []),
      ...(hashIsRight === false ? (['hash'] as const) : []),
    ];
    const file = { bytes: this.#bytes, records: 0, headers: 0, sha256: this.#sha256.digest('hex') };
    return { kind: 'checked', file: differs.length === 0 ? file : { ...file, differs } };
  }

  /** FHIR: base64 of the SHA-1; hexadecimal is written as well. */
  #isSha1(hash: string | undefined): boolean | undefined {
    if (this.#sha1 === undefined || hash === undefined) return undefined;
    const digest = this.#sha1.digest();
    return hash === digest.toString('base64') || hash.toLowerCase() === digest.toString('hex');
  }
}
