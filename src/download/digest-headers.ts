import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';

/** A digest of the body that the server sent along. */
interface Promised {
  header: string;
  hash: Hash;
  value: string;
}

const ALGORITHMS: Record<string, string> = { 'sha-256': 'sha256', 'sha-512': 'sha512', md5: 'md5' };

/**
 * Checks a body against the digests in its headers: `Content-Digest` and `Repr-Digest` (RFC 9530), `Digest` (RFC 3230)
 * and `Content-MD5` (RFC 1864). Only for whole bodies without content coding, where all of them mean the same bytes.
 */
export class DigestCheck {
  readonly #promised: Promised[];

  constructor(headers: Readonly<Record<string, string | undefined>>) {
    const md5 = headers['content-md5'];
    this.#promised = [
      ...['content-digest', 'repr-digest', 'digest'].flatMap((header) => parse(header, headers[header])),
      ...(md5 === undefined ? [] : [{ header: 'content-md5', hash: createHash('md5'), value: md5.trim() }]),
    ];
  }

  push(chunk: Uint8Array): void {
    for (const { hash } of this.#promised) hash.update(chunk);
  }

  /** What does not fit. */
  end(): string | undefined {
    const wrong = this.#promised.find(({ hash, value }) => hash.digest('base64') !== value);
    return wrong === undefined ? undefined : `its content does not fit the header ${wrong.header}`;
  }
}

function parse(header: string, text: string | undefined): Promised[] {
  return (text ?? '').split(',').flatMap((item) => {
    const match = /^\s*([\w-]+)\s*=\s*:?([A-Za-z0-9+/]+=*):?\s*$/.exec(item);
    const algorithm = ALGORITHMS[match?.[1]?.toLowerCase() ?? ''];
    return algorithm === undefined || match?.[2] === undefined
      ? []
      : [{ header, hash: createHash(algorithm), value: match[2] }];
  });
}
