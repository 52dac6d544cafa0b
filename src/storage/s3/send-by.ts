import type { S3Client } from '@aws-sdk/client-s3';
import { CredentialFaults } from './credential-faults.ts';
import { Refusals } from './refusals.ts';
import { refusedEachTime, toS3Error } from './s3-error.ts';

/** Sends requests by a client; its errors are ours. @param bucket to be named in them */
export function sendBy(client: S3Client, bucket: string): S3Client['send'] {
  const faults = new CredentialFaults();
  const refusals = new Refusals();
  const send = async (
    command: Parameters<S3Client['send']>[0],
    options?: { abortSignal?: AbortSignal },
  ): Promise<unknown> => {
    const kind = command.constructor.name;
    try {
      const output = await client.send(command, options);
      faults.end();
      refusals.end(kind);
      return output;
    } catch (error) {
      if (faults.mayPass(error)) throw error;
      const ours = toS3Error(error, bucket);
      const isFinal = ours === error && refusals.isFinal(kind, error);
      throw isFinal ? refusedEachTime(kind.replace(/Command$/, ''), error, bucket) : ours;
    }
  };
  return send as S3Client['send'];
}
