import type { Readable } from 'node:stream';
import type { HeadObjectCommandOutput, ListObjectsV2CommandOutput, S3Client } from '@aws-sdk/client-s3';
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { contentType } from './content-type.ts';
import { DELETE_BATCH, removeObjects } from './remove-objects.ts';
import { absentAsUndefined, isAbsent, statusOf } from './s3-error.ts';
import { sendBy } from './send-by.ts';
import { Sha256Sums } from './sha256-sums.ts';

/** Attempts at a write that another request was in the way of. */
const CONFLICTS = 4;

/** An object, as a listing has it. */
export interface StoredObject {
  key: string;
  bytes: number;
  /** Milliseconds since the epoch. */
  changedAt?: number | undefined;
}

/** Asks that a write fails when there is an object of that name. */
export type Condition = { IfNoneMatch?: '*' };

/** Asks that a write fails unless there is that version of the object. */
type OverVersion = { IfMatch?: string };

/** A bucket by its keys. Every method fails with `DestinationFailed` when trying again would not help. */
export class S3Bucket {
  readonly name: string;
  /** Sends a request; its errors are ours. */
  readonly send: S3Client['send'];
  /** How objects are made there, as {@link protectionOf} has it. */
  readonly protection: string;
  readonly sums = new Sha256Sums();
  /** Conditions of writes of which the endpoint has said that it does not know them. */
  readonly #unknown = new Set<'IfMatch' | 'IfNoneMatch'>();

  constructor(client: S3Client, name: string, protection: string) {
    this.name = name;
    this.protection = protection;
    this.send = sendBy(client, name);
  }

  /** @throws ExportError `DestinationFailed` when the bucket is not there: an answer to HEAD does not tell that from no object */
  async requireThere(prefix: string): Promise<void> {
    await this.send(new ListObjectsV2Command({ Bucket: this.name, Prefix: prefix, MaxKeys: 1 }));
  }

  /** Bytes of an object; undefined when it does not exist. */
  async size(key: string): Promise<number | undefined> {
    return (await this.head(key))?.ContentLength;
  }

  /** What tells this version of an object from another; undefined when it does not exist. */
  async etag(key: string): Promise<string | undefined> {
    return (await this.head(key))?.ETag;
  }

  /** What the storage says of an object; undefined when it does not exist. */
  head(key: string): Promise<HeadObjectCommandOutput | undefined> {
    return absentAsUndefined(this.send(new HeadObjectCommand({ Bucket: this.name, Key: key })));
  }

  /** Whole content of a small object; undefined when it does not exist. */
  async read(key: string): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of this.stream(key)) chunks.push(chunk);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
    return Buffer.concat(chunks);
  }

  /** Content of an object of any size, in order; throws when it ends early. */
  async *stream(key: string): AsyncIterable<Buffer> {
    const { Body, ContentLength } = await this.send(new GetObjectCommand({ Bucket: this.name, Key: key }));
    const body = Body as Readable;
    let received = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        received += chunk.length;
        yield chunk;
      }
    } finally {
      body.on('error', () => {}).destroy();
    }
    // Whatever HTTP and the SDK make of a body that was cut: it must not pass for a shorter file.
    if (ContentLength !== undefined && received !== ContentLength) {
      throw new Error(`s3://${this.name}: an object ended after ${received} of ${ContentLength} bytes`);
    }
  }

  async write(key: string, content: string | Uint8Array, condition: Condition = {}): Promise<void> {
    await this.#put(key, content, condition);
  }

  /**
   * Writes an object, but over the version with an ETag only.
   *
   * @param etag undefined: over whatever there is
   * @returns the ETag of the new version; undefined when that version is not there any more
   */
  async replace(key: string, content: string, etag: string | undefined): Promise<string | undefined> {
    if (etag === undefined) return this.#put(key, content, {});
    if (this.#unknown.has('IfMatch')) {
      return (await this.etag(key)) === etag ? this.#put(key, content, {}) : undefined;
    }
    try {
      return await this.#put(key, content, { IfMatch: etag });
    } catch (error) {
      if (isAbsent(error)) return undefined;
      if (statusOf(error) === 412) return this.#etagOf(key, content);
      if (statusOf(error) !== 501) throw error;
      this.#unknown.add('IfMatch');
      return this.replace(key, content, etag);
    }
  }

  /** Of a write whose answer got lost, and which the SDK tried again: the condition does not hold any more. */
  async #etagOf(key: string, content: string): Promise<string | undefined> {
    const etag = await this.etag(key);
    return (await this.read(key))?.toString() === content ? etag : undefined;
  }

  async #put(key: string, content: string | Uint8Array, condition: Condition | OverVersion): Promise<string> {
    const Body = typeof content === 'string' ? Buffer.from(content) : content;
    const put = { Bucket: this.name, Key: key, Body, ...contentType(key), ...condition };
    const { ETag = '' } = await this.sums.send(Body, (sum) => this.send(new PutObjectCommand({ ...put, ...sum })));
    return ETag;
  }

  /** Like {@link write}, but never over an earlier object: false when there is one. @param mayCreate asked before each try */
  create(key: string, content: string | Uint8Array, mayCreate: () => Promise<void>): Promise<boolean> {
    return this.once(key, (condition) => mayCreate().then(() => this.write(key, content, condition)));
  }

  /**
   * Runs what makes an object, under the condition that it does not exist: false when it does. When the endpoint does
   * not know the condition, it is looked first.
   */
  async once(key: string, make: (condition: Condition) => Promise<void>): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const conditional = !this.#unknown.has('IfNoneMatch');
      if (!conditional && (await this.size(key)) !== undefined) return false;
      try {
        await make(conditional ? { IfNoneMatch: '*' } : {});
        return true;
      } catch (error) {
        const status = statusOf(error);
        if (status === 412) return false;
        if (status === 501 && conditional) this.#unknown.add('IfNoneMatch');
        // ConditionalRequestConflict: another write or a removal came between, and all of it is to be done again.
        else if (status !== 409 || attempt >= CONFLICTS) throw error;
      }
    }
  }

  /** Copies an object within the bucket: false when it is not there. @param signal ends it */
  async copy(from: string, to: string, signal?: AbortSignal): Promise<boolean> {
    const copy = new CopyObjectCommand({ Bucket: this.name, Key: to, CopySource: this.sourceOf(from) });
    const options = signal === undefined ? {} : { abortSignal: signal };
    return (await absentAsUndefined(this.send(copy, options))) !== undefined;
  }

  /** How a request names an object that is copied. */
  sourceOf(key: string): string {
    return `${this.name}/${key.split('/').map(encodeURIComponent).join('/')}`;
  }

  /** All objects whose keys begin so. */
  async *list(prefix: string): AsyncIterable<StoredObject> {
    for await (const { Contents = [] } of this.#pages(prefix)) {
      for (const { Key: key = '', Size: bytes = 0, LastModified: at } of Contents)
        yield { key, bytes, changedAt: at?.getTime() };
    }
  }

  /** Names of objects and folders directly below a prefix that ends with a slash. */
  async names(prefix: string): Promise<string[]> {
    const names = new Set<string>();
    for await (const { Contents = [], CommonPrefixes = [] } of this.#pages(prefix, '/')) {
      for (const { Key = '' } of Contents) names.add(Key.slice(prefix.length));
      for (const { Prefix = '' } of CommonPrefixes) names.add(Prefix.slice(prefix.length, -1));
    }
    // The object by which some tools make an empty folder.
    names.delete('');
    return [...names];
  }

  /** Prefixes directly below a prefix, which both end with a slash. */
  async *folders(prefix: string): AsyncIterable<string> {
    for await (const { CommonPrefixes = [] } of this.#pages(prefix, '/')) {
      for (const { Prefix = '' } of CommonPrefixes) yield Prefix;
    }
  }

  /** Removes objects; nothing happens for those that are not there. */
  async remove(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += DELETE_BATCH) {
      await removeObjects(this.send, this.name, keys.slice(from, from + DELETE_BATCH));
    }
  }

  /**
   * Removes all objects whose keys begin so, without ever holding all the keys.
   *
   * @param mayRemove asked before each thousand; it throws when none may be removed any more
   */
  async removeBelow(prefix: string, mayRemove = async (): Promise<void> => {}): Promise<void> {
    for await (const { Contents = [] } of this.#pages(prefix)) {
      await mayRemove();
      await this.remove(Contents.map(({ Key = '' }) => Key));
    }
  }

  async *#pages(prefix: string, delimiter?: '/'): AsyncIterable<ListObjectsV2CommandOutput> {
    let token: string | undefined;
    do {
      const page: ListObjectsV2CommandOutput = await this.send(
        new ListObjectsV2Command({
          Bucket: this.name,
          Prefix: prefix,
          Delimiter: delimiter,
          ContinuationToken: token,
        }),
      );
      yield page;
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }
}
