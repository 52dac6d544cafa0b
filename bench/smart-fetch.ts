import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Measured } from './measured.ts';
import { timed } from './curl.ts';

const run = promisify(execFile);

/** Another client, which neither checks files nor makes them durable, where it is installed (`pip install smart-fetch`). */
export async function hasSmartFetch(): Promise<boolean> {
  return run('smart-fetch', ['--version']).then(
    () => true,
    () => false,
  );
}

/** A whole export, its process's start included. */
export async function withSmartFetch(
  { baseUrl, group, ca }: { baseUrl: string; group: string; ca: string },
  folder: string,
): Promise<Measured> {
  const options = `--group ${group} --type Patient --no-default-filters --no-compression`;
  return timed(`SSL_CERT_FILE=${ca} smart-fetch bulk --fhir-url ${baseUrl} ${options} "$1" > "$1.log"`, folder);
}
