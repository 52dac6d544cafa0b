import type { DestinationKind } from '../destination-kind.ts';
import { isForbidden } from './s3-error.ts';
import { S3Schema } from './s3-schema.ts';

/** A bucket of S3 or of anything that speaks its protocol. */
export const s3: DestinationKind<typeof S3Schema> = {
  type: 's3',
  schema: S3Schema,
  place: ({ endpoint = 's3:/', bucket, prefix = '' }) => `${endpoint.replace(/\/+$/, '')}/${bucket}/${prefix}`,
  // Whatever the endpoint is called: the same bucket may have several.
  realPlace: ({ bucket, prefix = '' }) => Promise.resolve(`s3://${bucket}/${prefix}`),
  async open(config, path) {
    // The SDK takes a third of a second to load, and many workers never need it.
    const { openS3 } = await import('./s3.ts');
    return openS3(config, path);
  },
  async look(config, use) {
    const { lookAtS3 } = await import('./s3.ts');
    try {
      await lookAtS3(config);
    } catch (error) {
      // Who may create records and no more is not answered; the bucket is there.
      if (use === 'exports' || !isForbidden(error)) throw error;
    }
    return undefined;
  },
};
