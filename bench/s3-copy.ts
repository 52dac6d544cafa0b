import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Gateway } from '../dev/s3/gateway.ts';
import type { Measured } from './measured.ts';
import { timed } from './curl.ts';

const run = promisify(execFile);

/** Names in the environment of the AWS command line and SDK. */
export function credentialsOf({ accessKeyId, secretAccessKey, region }: Gateway): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region };
}

/** The AWS command line, where it is installed. */
export async function hasAws(): Promise<boolean> {
  return run('aws', ['--version']).then(
    () => true,
    () => false,
  );
}

/** Stores files that are on the disk already: nothing is downloaded or checked. */
export async function withAws(gateway: Gateway, file: string, copies: number, prefix: string): Promise<Measured> {
  Object.assign(process.env, credentialsOf(gateway));
  const copy = `aws --endpoint-url ${gateway.endpoint} s3 cp --only-show-errors ${file} "s3://lake/$1/{}"`;
  return timed(`seq ${copies} | xargs -P 4 -I{} ${copy}`, prefix);
}
