import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';
import type { Gateway } from '../../dev/s3/gateway.ts';
import { startGateway } from '../../dev/s3/gateway.ts';
import type { S3Config } from '../../src/storage/s3/s3-schema.ts';
import { openS3 } from '../../src/storage/s3/s3.ts';

/** Whether an S3 endpoint can be had; without one the tests of S3 are skipped. */
export const hasS3 = inject('versitygw') !== '';

/** An S3 endpoint with the bucket `lake`, to which this process and its children have credentials. */
export interface TestS3 {
  gateway: Gateway;
  /** Looks past the project's own code. */
  client: S3Client;
  destination(more?: Partial<S3Config>): S3Config;
  /** Keys below a prefix. */
  keys(prefix?: string): Promise<string[]>;
  /** Keys of multipart uploads that have not ended. */
  uploads(): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startS3(): Promise<TestS3> {
  const gateway = await startGateway(inject('versitygw'));
  process.env['AWS_ACCESS_KEY_ID'] = gateway.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = gateway.secretAccessKey;
  // A page of text in each process, about versions of the SDK that are not installed here.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { endpoint, region } = gateway;
  const client = new S3Client({ endpoint, region, forcePathStyle: true });
  return {
    gateway,
    client,
    destination: (more = {}) => ({ type: 's3', bucket: 'lake', endpoint, ...more }),
    keys: async (prefix = '') => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'lake', Prefix: prefix }));
      return Contents.map(({ Key = '' }) => Key);
    },
    uploads: async () => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'lake' }));
      return Uploads.map(({ Key = '' }) => Key);
    },
    stop: async () => {
      client.destroy();
      await gateway.stop();
    },
  };
}

/** Copies an export into a new folder, so that it can be compared as one that was written there. */
export async function downloadExport(s3: TestS3, location: string): Promise<string> {
  const prefix = location.replace('s3://lake/', '');
  const folder = await mkdtemp(join(tmpdir(), 's3-export-'));
  const source = openS3(s3.destination(), prefix);
  for (const key of await s3.keys(`${prefix}/`)) {
    const name = key.slice(prefix.length + 1);
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), source.stream(name));
  }
  return folder;
}
