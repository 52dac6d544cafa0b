import { access } from 'node:fs/promises';
import { constants } from 'node:fs';
import { readSigners } from '../auth/key-file.ts';
import { Secret } from '../auth/secret.ts';
import { secretSource } from '../auth/server-authorization.ts';
import type { Config, ServerConfig } from '../config.ts';

/**
 * What is wrong with the files and variables that hold secrets, one line for each. Not a reason to stop: other servers
 * can be exported from, and secrets are read again when they are needed.
 */
export async function faultsOfSecrets({ servers }: Config): Promise<string[]> {
  const faults = await Promise.all(
    Object.entries(servers).map(async ([name, server]) =>
      (await Promise.all([faultOfAuth(server), ...filesOfTls(server).map(faultOfFile)])).flatMap((fault) =>
        fault === undefined ? [] : `servers.${name}.${fault}; exports from ${name} fail until this is put right`,
      ),
    ),
  );
  return faults.flat();
}

async function faultOfAuth({ auth }: ServerConfig): Promise<string | undefined> {
  if (auth.type === 'none') return undefined;
  try {
    const text = await new Secret(secretSource(auth)).text();
    if (auth.type === 'smart-backend') await readSigners(text, auth.keyId);
    return undefined;
  } catch (error) {
    return `auth: ${(error as Error).message}`;
  }
}

function filesOfTls({ tls = {} }: ServerConfig): [string, string][] {
  return Object.entries(tls).filter((pair): pair is [string, string] => pair[1] !== undefined);
}

async function faultOfFile([field, file]: [string, string]): Promise<string | undefined> {
  try {
    await access(file, constants.R_OK);
    return undefined;
  } catch (error) {
    return `tls.${field}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
}
