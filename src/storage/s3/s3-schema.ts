import * as v from 'valibot';
import { HttpUrl, Text } from '../../config/fields.ts';

/** A bucket, or a prefix in one. */
export type S3Config = v.InferOutput<typeof S3Schema>;

export const S3Schema = v.strictObject({
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
  forcePathStyle: v.optional(v.boolean('must be true or false')),
});
