import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';

/** A digest of the body that the server sent along. */
interface Promised {
  header: string;
  hash: Hash;
  value: Buffer;
}

const ALGORITHMS: Record<string, string> = { 'sha-256': 'sha256', 'sha-512': 'sha512', md5: 'md5' };

/** Bytes of each. */
const LENGTHS: Record<string, number> = { sha256: 32, sha512: 64, md5: 16 };

/**
 * Checks a body against the digests in its headers: `Content-Digest` and `Repr-Digest` (RFC 9530), `Digest` (RFC 3230)
 * and `Content-MD5` (RFC 1864), in base64, or in hex as some servers have it. A value that is as long as neither says
 * nothing. Only for whole bodies without content coding, where all of them mean the same bytes.
 */
export class DigestCheck {
  readonly #promised: Promised[];

  constructor(headers: Readonly<Record<string, string | undefined>>) {
    const md5 = headers['content-md5'];
    this.#promised = [
      ...['content-digest', 'repr-digest', 'digest'].flatMap((header) => parse(header, headers[header])),
      ...promised('content-md5', 'md5', md5?.trim()),
    ];
  }

  push(chunk: Uint8Array): void {
    for (const { hash } of this.#promised) hash.update(chunk);
  }

  /** What does not fit. */
  end(): string | undefined {
    const wrong = this.#promised.find(({ hash, value }) => !hash.digest().equals(value));
    return wrong === undefined ? undefined : `its content does not fit the header ${wrong.header}`;
  }
}

function parse(header: string, text: string | undefined): Promised[] {
  return (text ?? '').split(',').flatMap((item) => {
    const match = /^\s*([\w-]+)\s*=\s*:?([A-Za-z0-9+/]+=*):?\s*$/.exec(item);
    const algorithm = ALGORITHMS[match?.[1]?.toLowerCase() ?? ''];
    return algorithm === undefined ? [] : promised(header, algorithm, match?.[2]);
  });
}

function promised(header: string, algorithm: string, text: string | undefined): Promised[] {
  const length = LENGTHS[algorithm] as number;
  if (text === undefined) return [];
  const isHex = text.length === 2 * length && /^[0-9a-f]+$/i.test(text);
  const value = Buffer.from(text, isHex ? 'hex' : 'base64');
  return value.length === length ? [{ header, hash: createHash(algorithm), value }] : [];
}
