import { createHash } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { TunnelAgent } from './tunnel-agent.ts';
import { environmentProxy } from '../../http/proxy-rules.ts';
import { protect } from './protection.ts';
import type { S3Config } from './s3-schema.ts';

/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;
/** Milliseconds without a byte, after which a request has failed: completing a large upload takes a while. */
const IDLE_TIMEOUT = 120_000;
/** Every slot of a worker may have a request of its own; the SDK's 50 could be too few. */
const SOCKETS = 256;

/**
 * Makes the client of a destination; credentials by the SDK's chain (environment, profile, web identity, container,
 * instance). It needs no closing: idle connections do not keep a process.
 *
 * The SDK itself tries a failed request 3 times within about a second. That HTTP is tried again by Temporal alone is a
 * rule about FHIR servers; here a blip of the storage would cost a whole attempt at a file.
 */
export function createS3Client(config: S3Config): S3Client {
  const client = newClient(config);
  protect(client, config);
  hashOnce(client);
  return client;
}

function newClient({ region, endpoint, forcePathStyle }: S3Config): S3Client {
  const requestHandler = {
    connectionTimeout: CONNECT_TIMEOUT,
    socketTimeout: IDLE_TIMEOUT,
    httpAgent: { keepAlive: true, maxSockets: SOCKETS },
    httpsAgent: new TunnelAgent(environmentProxy(process.env), { keepAlive: true, maxSockets: SOCKETS }),
  };
  if (endpoint === undefined) {
    return new S3Client({
      ...(region === undefined ? {} : { region }),
      ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
      followRegionRedirects: true,
      // Those of content are made in sha256-sums.ts.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      requestHandler,
    });
  }
  const client = new S3Client({
    endpoint,
    // Part of the signature; most other endpoints take any, and this one when they have none of their own.
    region: region ?? 'us-east-1',
    forcePathStyle: forcePathStyle ?? true,
    // Not all of them know the SDK's checksums: https://github.com/aws/aws-sdk-js-v3/issues/6810
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler,
  });
  addContentMd5(client);
  return client;
}

/** The signature is of the same hash as the checksum, and need not make it again. */
function hashOnce(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      const sum = headers['x-amz-checksum-sha256'];
      if (sum !== undefined) headers['x-amz-content-sha256'] = Buffer.from(sum, 'base64').toString('hex');
      return next(args);
    },
    { step: 'build', name: 'hashOnce' },
  );
}

/** What S3 itself required of DeleteObjects before it had other checksums, and what older endpoints still do. */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        const request = args.request as { headers: Record<string, string>; body?: unknown };
        if (commandName === 'DeleteObjectsCommand' && typeof request.body === 'string') {
          request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
        }
        return next(args);
      },
    { step: 'build', name: 'contentMd5' },
  );
}
