import * as v from 'valibot';
import { HttpUrl, Text } from '../../config/fields.ts';
import { RetentionField } from '../retention-field.ts';

/** A bucket, or a prefix in one. */
export type S3Config = v.InferOutput<typeof S3Schema>;

const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u;
const TagText = v.regex(TAG, 'must have letters, digits, spaces and _ . : / = + - @ only');
const TagName = v.pipe(
  Text,
  v.maxLength(128, 'must have at most 128 characters'),
  v.check((name) => !name.startsWith('aws:'), 'must not begin with aws:'),
  TagText,
);
const NEEDS_KMS = 'needs sse: aws:kms';
const OWNER = 'must be the 12 digits of an account, in quotes';
const YES_OR_NO = v.boolean('must be true or false');

const Fields = v.strictObject({
  type: v.literal('s3'),
  bucket: v.pipe(
    Text,
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be the name of a bucket only; what comes behind it goes to prefix'),
  ),
  /** Without slashes around it. */
  prefix: v.optional(
    v.pipe(
      Text,
      v.transform((text) => text.replace(/^\/+|\/+$/g, '')),
      // Some endpoints, proxies and tools resolve such segments as paths of a URL.
      v.check(
        (text) => text === '' || text.split('/').every((segment) => !/^\.{0,2}$/.test(segment)),
        'must be names with "/" between them, none of them "." or ".."',
      ),
    ),
  ),
  /** Default: by the SDK's chain; `us-east-1` with an endpoint. */
  region: v.optional(Text),
  /** Default: that of AWS. */
  endpoint: v.optional(HttpUrl),
  /** Default: true with an endpoint. */
  forcePathStyle: v.optional(YES_OR_NO),
  retention: RetentionField,
  /** How objects are encrypted. Default: as the bucket says. */
  sse: v.optional(v.picklist(['aws:kms', 'AES256'], 'must be aws:kms or AES256')),
  /** With `aws:kms`. Default: the key of the account for S3. */
  kmsKeyId: v.optional(v.pipe(Text, v.regex(/^[\w:/.-]+$/, 'must be the id, the alias or the ARN of a key'))),
  /** With `aws:kms`: fewer requests to the service of keys. Default: as the bucket says. */
  bucketKeyEnabled: v.optional(YES_OR_NO),
  /** Account; requests to a bucket of another one are refused. */
  expectedBucketOwner: v.optional(v.pipe(v.string(OWNER), v.regex(/^\d{12}$/, OWNER))),
  /** Of each object. */
  tags: v.optional(
    v.pipe(
      v.record(
        TagName,
        v.pipe(v.string('must be text'), v.maxLength(256, 'must have at most 256 characters'), TagText),
      ),
      v.check((tags) => Object.keys(tags).length <= 10, 'must be at most 10'),
    ),
  ),
  /** Of files; not of what is below `.export/`. Default: as the bucket says, which is `STANDARD`. */
  storageClass: v.optional(
    v.pipe(
      Text,
      v.regex(/^[A-Z][A-Z0-9_]*$/, 'must be a storage class such as STANDARD_IA'),
      v.check(
        (name) => name !== 'GLACIER' && name !== 'DEEP_ARCHIVE',
        'cannot be read without a delay, and an export reads its files; use GLACIER_IR, or a lifecycle rule',
      ),
    ),
  ),
});

export const S3Schema = v.pipe(
  Fields,
  v.forward(
    v.check(({ sse, kmsKeyId }) => kmsKeyId === undefined || sse === 'aws:kms', NEEDS_KMS),
    ['kmsKeyId'],
  ),
  v.forward(
    v.check(({ sse, bucketKeyEnabled }) => bucketKeyEnabled === undefined || sse === 'aws:kms', NEEDS_KMS),
    ['bucketKeyEnabled'],
  ),
);
