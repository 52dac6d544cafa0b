import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Gunzip } from 'node:zlib';
import { createGunzip } from 'node:zlib';
import type { Entry } from '../fhir/entries.ts';
import type { Take } from '../http/http-body.ts';
import { release } from '../http/slabs.ts';
import type { CheckedFile } from './checked-file.ts';
import { GUNZIP, checkRatio } from './decode-body.ts';
import { freeWhenReleased } from './free-memory.ts';
import { PackedEnd } from './packed-end.ts';

/** How gzip begins (RFC 1952, 2.3.1). No JSON does. */
const GZIP = [0x1f, 0x8b] as const;

/** A packed file as it came. */
export interface Packed {
  bytes: number;
  sha256: string;
}

/**
 * Takes the bytes of a file that may be gzip itself, whatever its headers and the request say (Aidbox, files in object
 * storages), and passes its content on. The first bytes decide: a server may answer with another format than was asked
 * for, and no NDJSON begins as gzip does.
 */
export class Unpacked {
  readonly #take: Take;
  readonly #onPacked: () => void;
  /** Undefined: the file is passed on as it is. */
  #gunzip: Gunzip | undefined;
  #unpacking: Promise<void> | undefined;
  #packedBytes = 0;
  readonly #end = new PackedEnd();
  #hash: Hash | undefined;
  /** Of the file's first bytes, while they do not decide. */
  #first: Buffer | undefined;
  #isDecided = false;

  /** @param onPacked called before the first bytes of a packed file are taken: positions in it mean nothing */
  constructor(take: Take, onPacked: () => void) {
    this.#take = take;
    this.#onPacked = onPacked;
  }

  /** The next bytes; they are released as the receiver's own would be. */
  push(chunk: Buffer): Promise<void> | undefined {
    if (!this.#isDecided) return this.#decide(chunk);
    return this.#gunzip === undefined ? this.#take(chunk) : this.#unpack(this.#gunzip, chunk);
  }

  /**
   * All bytes have been pushed.
   *
   * @returns the file as it came; undefined when it was not packed
   * @throws `Z_…` when gzip is broken or cut; ContentError when something follows it; what `take` throws
   */
  async end(): Promise<Packed | undefined> {
    if (this.#first !== undefined) await this.#take(this.#first);
    if (this.#gunzip === undefined || this.#hash === undefined) return undefined;
    this.#gunzip.end();
    await this.#unpacking;
    this.#end.check(this.#gunzip);
    return { bytes: this.#packedBytes, sha256: this.#hash.digest('hex') };
  }

  /** Nothing is taken any more when this returns. */
  async stop(): Promise<void> {
    this.#gunzip?.destroy();
    await this.#unpacking?.catch(() => {});
  }

  #decide(chunk: Buffer): Promise<void> | undefined {
    if (this.#first !== undefined || (chunk.length === 1 && chunk[0] === GZIP[0])) {
      // One byte came alone: copied, so that its memory need not be kept.
      const joined = Buffer.concat([this.#first ?? Buffer.alloc(0), chunk]);
      release(chunk);
      this.#first = joined.length === 1 ? joined : undefined;
      return this.#first === undefined ? this.#begin(joined) : undefined;
    }
    return this.#begin(chunk);
  }

  #begin(chunk: Buffer): Promise<void> | undefined {
    if (chunk.length === 0) return undefined;
    this.#isDecided = true;
    if (chunk[0] === GZIP[0] && chunk[1] === GZIP[1]) {
      this.#onPacked();
      this.#gunzip = createGunzip(GUNZIP);
      this.#hash = createHash('sha256');
      this.#unpacking = this.#passOn(this.#gunzip);
      // It is thrown by the next push, or the end.
      this.#unpacking.catch(() => {});
    }
    return this.push(chunk);
  }

  #unpack(gunzip: Gunzip, chunk: Buffer): Promise<void> | undefined {
    this.#packedBytes += chunk.length;
    this.#hash?.update(chunk);
    this.#end.add(chunk);
    if (gunzip.destroyed) return this.#unpacking;
    if (gunzip.write(chunk, () => release(chunk))) return undefined;
    // Whatever ends the unpacking ends the wait, too.
    return Promise.race([once(gunzip, 'drain').then(() => {}), this.#unpacking]);
  }

  async #passOn(gunzip: Gunzip): Promise<void> {
    let unpacked = 0;
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      unpacked += chunk.length;
      checkRatio(unpacked, this.#packedBytes);
      // All of it is ours when we have been given every byte of it.
      freeWhenReleased(chunk.buffer as ArrayBuffer);
      await this.#take(chunk);
    }
  }
}

/** What is wrong with a packed file by the manifest, which may mean it or its content. */
export function wrongPacked(
  { length, sha256 }: Entry,
  forms: readonly Pick<CheckedFile, 'bytes' | 'sha256'>[],
): string | undefined {
  if (length !== undefined && !forms.some((form) => form.bytes === length)) {
    return `neither the packed file nor its content has the ${length} bytes that the manifest says`;
  }
  if (sha256 !== undefined && !forms.some((form) => form.sha256 === sha256)) {
    return 'neither the packed file nor its content has the SHA-256 that the manifest says';
  }
  return undefined;
}
