import type { S3Client } from '@aws-sdk/client-s3';
import { ExportError } from '../../errors.ts';
import { WORK_FOLDER } from '../work-folder.ts';
import { statusOf } from './s3-error.ts';
import type { S3Config } from './s3-schema.ts';

/** Requests that make an object, or begin one: all others go by what these have said. */
const MAKES = /^(PutObject|CopyObject|CreateMultipartUpload)Command$/;

/** What requests of all these kinds have in common. */
interface Input {
  Key?: string;
  CopySource?: string;
  IfNoneMatch?: string;
  IfMatch?: string;
  ChecksumSHA256?: string;
  ChecksumAlgorithm?: string;
}

/** How objects are made: two uploads are alike only if this is. `{}` when nothing is configured. */
export function protectionOf({ sse, kmsKeyId, bucketKeyEnabled, tags, storageClass }: S3Config): string {
  return JSON.stringify({ sse, kmsKeyId, bucketKeyEnabled, tags, storageClass });
}

/**
 * Has each request of a client name the owner that the bucket must have, and each that makes an object how it is to be
 * encrypted, tagged and stored.
 *
 * A storage that does not know encryption may ignore what it was asked for. Therefore its answer must confirm it,
 * otherwise the request fails with `DestinationFailed`; the first object of an export has no content of a resource.
 */
export function protect(client: S3Client, config: S3Config): void {
  const { sse, expectedBucketOwner } = config;
  const owner = expectedBucketOwner === undefined ? {} : { ExpectedBucketOwner: expectedBucketOwner };
  const sourceOwner = expectedBucketOwner === undefined ? {} : { ExpectedSourceBucketOwner: expectedBucketOwner };
  const fail = (what: string, cause?: unknown): ExportError =>
    new ExportError('DestinationFailed', `s3://${config.bucket}: ${what}`, { cause });
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const given = args.input as Input;
        const makes = MAKES.test(commandName);
        const input = {
          ...args.input,
          ...owner,
          ...(given.CopySource === undefined ? {} : sourceOwner),
          ...(makes ? attributesOf(config, given) : {}),
        };
        const result = await next({ ...args, input }).catch((error: unknown) => {
          if (!makes || protectionOf(config) === '{}' || !isUnknown(given, error)) throw error;
          throw fail('the storage does not know sse, tags or storageClass; correct the destination', error);
        });
        if (!makes || sse === undefined) return result;
        const { ServerSideEncryption: done } = result.output as { ServerSideEncryption?: string };
        if (done !== sse) throw fail(`the storage has not said that it encrypts with ${sse}; correct sse`);
        return result;
      },
    { step: 'initialize', name: 'protection' },
  );
}

function attributesOf(config: S3Config, { Key = '', CopySource }: Input): object {
  const { sse, kmsKeyId, bucketKeyEnabled, tags, storageClass } = config;
  // What is removed or written again soon: other classes have a price for that.
  const isWork = `/${Key}`.includes(`/${WORK_FOLDER}/`);
  return {
    ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
    ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
    ...(bucketKeyEnabled === undefined ? {} : { BucketKeyEnabled: bucketKeyEnabled }),
    ...(tags === undefined ? {} : { Tagging: queryOf(tags) }),
    // A copy has the tags of its source otherwise.
    ...(tags === undefined || CopySource === undefined ? {} : { TaggingDirective: 'REPLACE' }),
    ...(storageClass === undefined || isWork ? {} : { StorageClass: storageClass }),
  };
}

function queryOf(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .join('&');
}

/** Conditions and checksums have ways of their own where they are not known. */
function isUnknown({ IfNoneMatch, IfMatch, ChecksumSHA256, ChecksumAlgorithm }: Input, error: unknown): boolean {
  return statusOf(error) === 501 && (IfNoneMatch ?? IfMatch ?? ChecksumSHA256 ?? ChecksumAlgorithm) === undefined;
}
