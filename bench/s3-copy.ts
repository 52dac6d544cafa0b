import { execFile } from 'node:child_process';
import { link, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
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

/**
 * Stores files that are on the disk already, by one process that sends several at once: nothing is downloaded or
 * checked.
 *
 * @param folder for names of the file, one for each copy
 */
export async function withAws(
  gateway: Gateway,
  file: string,
  { copies, folder, prefix }: { copies: number; folder: string; prefix: string },
): Promise<Measured> {
  Object.assign(process.env, credentialsOf(gateway));
  await mkdir(folder, { recursive: true });
  for (let copy = 0; copy < copies; copy++) await link(file, join(folder, String(copy)));
  const line = `aws --endpoint-url ${gateway.endpoint} s3 cp --recursive --only-show-errors ${folder} "s3://lake/$1"`;
  return timed(line, prefix);
}
