import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { credentialsOf } from '../auth/schemes/index.ts';
import { Secret } from './secret.ts';
import type { Config, ServerConfig } from '../config.ts';

/**
 * What is wrong with the files and variables that hold secrets, one line for each. Not a reason to stop: other servers
 * can be exported from, and secrets are read again when they are needed.
 */
export async function faultsOfSecrets({ servers }: Config): Promise<string[]> {
  const faults = await Promise.all(
    Object.entries(servers).map(async ([name, server]) =>
      (await Promise.all([faultOfAuth(server), faultOfProxy(server), ...filesOfTls(server).map(faultOfFile)])).flatMap(
        (fault) =>
          fault === undefined ? [] : `servers.${name}.${fault}; exports from ${name} fail until this is fixed`,
      ),
    ),
  );
  return faults.flat();
}

async function faultOfAuth({ auth }: ServerConfig): Promise<string | undefined> {
  const credentials = credentialsOf(auth);
  if (credentials.kind === 'none') return undefined;
  try {
    await credentials.check();
    return undefined;
  } catch (error) {
    return `auth: ${(error as Error).message}`;
  }
}

async function faultOfProxy(server: ServerConfig): Promise<string | undefined> {
  const { proxyCredentialsFile: file, proxyCredentialsEnv: env } = server;
  if (file === undefined && env === undefined) return undefined;
  try {
    await new Secret({ file, env }).text();
    return undefined;
  } catch (error) {
    return `proxyCredentials: ${(error as Error).message}`;
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
