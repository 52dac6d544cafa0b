import type { S3Client } from '@aws-sdk/client-s3';
import { CredentialFaults } from './credential-faults.ts';
import { toS3Error } from './s3-error.ts';

/** Sends requests by a client; its errors are ours. @param bucket to be named in them */
export function sendBy(client: S3Client, bucket: string): S3Client['send'] {
  const faults = new CredentialFaults();
  const send = async (
    command: Parameters<S3Client['send']>[0],
    options?: { abortSignal?: AbortSignal },
  ): Promise<unknown> => {
    try {
      const output = await client.send(command, options);
      faults.end();
      return output;
    } catch (error) {
      throw faults.mayPass(error) ? error : toS3Error(error, bucket);
    }
  };
  return send as S3Client['send'];
}
