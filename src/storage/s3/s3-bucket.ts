import type { Readable } from 'node:stream';
import type {
  ListMultipartUploadsCommandInput,
  ListMultipartUploadsCommandOutput,
  ListObjectsV2CommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { statusOf, toS3Error } from './s3-error.ts';

/** Objects that one DeleteObjects can name. */
const DELETE_BATCH = 1000;
/** Attempts at a write that another request was in the way of. */
const CONFLICTS = 4;

/** An object, as a listing has it. */
export interface StoredObject {
  key: string;
  bytes: number;
}

/** Asks that a write fails when there is an object of that name. */
export type Condition = { IfNoneMatch?: '*' };

/**
 * A bucket by its keys. Every method fails with `DestinationFailed` when trying again would not help.
 */
export class S3Bucket {
  readonly name: string;
  /** Sends a request; its errors are ours. */
  readonly send: S3Client['send'];
  /** False once the endpoint has said that it does not know conditional writes. */
  #conditional = true;

  constructor(client: S3Client, name: string) {
    this.name = name;
    const send = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
      try {
        return await client.send(command);
      } catch (error) {
        throw toS3Error(error, name);
      }
    };
    this.send = send as S3Client['send'];
  }

  /** Bytes of an object; undefined when it does not exist. */
  async size(key: string): Promise<number | undefined> {
    const head = await absentAsUndefined(this.send(new HeadObjectCommand({ Bucket: this.name, Key: key })));
    return head?.ContentLength;
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
    const Body = typeof content === 'string' ? Buffer.from(content) : content;
    await this.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body, ...contentType(key), ...condition }));
  }

  /** Like {@link write}, but never over an earlier object: false when there is one. */
  create(key: string, content: string | Uint8Array): Promise<boolean> {
    return this.once(key, (condition) => this.write(key, content, condition));
  }

  /**
   * Runs what makes an object, under the condition that it does not exist: false when it does. When the endpoint does
   * not know the condition, it is looked first.
   */
  async once(key: string, make: (condition: Condition) => Promise<void>): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const conditional = this.#conditional;
      if (!conditional && (await this.size(key)) !== undefined) return false;
      try {
        await make(conditional ? { IfNoneMatch: '*' } : {});
        return true;
      } catch (error) {
        const status = statusOf(error);
        if (status === 412) return false;
        if (status === 501 && conditional) this.#conditional = false;
        // ConditionalRequestConflict: another write or a removal came between, and all of it is to be done again.
        else if (status !== 409 || attempt >= CONFLICTS) throw error;
      }
    }
  }

  /** Copies an object within the bucket: false when it is not there. */
  async copy(from: string, to: string): Promise<boolean> {
    const CopySource = this.sourceOf(from);
    const copied = await absentAsUndefined(
      this.send(new CopyObjectCommand({ Bucket: this.name, Key: to, CopySource })),
    );
    return copied !== undefined;
  }

  /** How a request names an object that is copied. */
  sourceOf(key: string): string {
    return `${this.name}/${key.split('/').map(encodeURIComponent).join('/')}`;
  }

  /** All objects whose keys begin so. */
  async *list(prefix: string): AsyncIterable<StoredObject> {
    for await (const { Contents = [] } of this.#pages(prefix)) {
      for (const { Key = '', Size = 0 } of Contents) yield { key: Key, bytes: Size };
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
      const Objects = keys.slice(from, from + DELETE_BATCH).map((Key) => ({ Key }));
      const { Errors = [] } = await this.send(
        new DeleteObjectsCommand({ Bucket: this.name, Delete: { Objects, Quiet: true } }),
      );
      const fault = Errors.find(({ Code }) => Code !== 'NoSuchKey');
      if (fault === undefined) continue;
      const error = new Error(`s3://${this.name}: ${Errors.length} objects could not be removed (${fault.Code})`);
      error.name = fault.Code ?? 'Error';
      throw toS3Error(error, this.name);
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

  /** Gives up all multipart uploads whose keys begin so. */
  async abortUploads(prefix: string): Promise<void> {
    let next: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> | undefined = {};
    while (next !== undefined) {
      const page: ListMultipartUploadsCommandOutput = await this.send(
        new ListMultipartUploadsCommand({ Bucket: this.name, Prefix: prefix, ...next }),
      );
      for (const { Key = '', UploadId = '' } of page.Uploads ?? []) await this.abortUpload(Key, UploadId);
      next = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
    }
  }

  /** Gives up a multipart upload; nothing happens when it has ended. */
  async abortUpload(key: string, uploadId: string): Promise<void> {
    await absentAsUndefined(
      this.send(new AbortMultipartUploadCommand({ Bucket: this.name, Key: key, UploadId: uploadId })),
    );
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

/** Readers may come by way of other tools that look at it. */
export function contentType(key: string): { ContentType?: string } {
  if (key.endsWith('.ndjson')) return { ContentType: 'application/fhir+ndjson' };
  return key.endsWith('.json') ? { ContentType: 'application/json' } : {};
}

async function absentAsUndefined<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Not every 404: a bucket that is not there, or an unknown key of some endpoints, is another matter. */
function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && /^(NoSuchKey|NotFound|NoSuchUpload)$/.test((error as Error).name);
}
