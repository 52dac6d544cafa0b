import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Config } from '../../config.ts';
import { CONFIG_FILE, loadConfig, parseConfig } from '../../config.ts';
import { beginsAtHome, looksLikeUrl } from '../../config/fields.ts';
import { UsageError } from '../exit-codes.ts';
import { isUrl, nameOfUrl } from './names.ts';

/** Options of `export` that say where from and where to. */
export interface PlaceOptions {
  config?: string;
  out?: string;
  destination?: string;
}

/** Where files of a URL go when no option says it. */
const DEFAULT_OUT = 'exports';
/** Name of the destination that `--out` means. */
const OUT = 'out';

/** What a worker in this process needs for one export. */
export interface LocalConfig {
  config: Config;
  server: string;
  destination: string;
  /** The file that was read, if any. */
  file?: string;
}

/**
 * Configuration of a worker for one export. A URL needs no file, and `--out` is a destination of its own; but what a file
 * says for all exports, above all its audit trail, holds for these as well.
 *
 * @param source a URL or the name of a configured server
 * @param cwd folder from which relative paths are taken
 */
export async function localConfig(source: string, options: PlaceOptions, cwd: string): Promise<LocalConfig> {
  if (options.out !== undefined && options.destination !== undefined) {
    throw new UsageError('Give --out or --destination, not both.');
  }
  if (options.out !== undefined) refuseNoFolder(options.out);
  const open = isUrl(source) ? openServer(source) : undefined;
  const needsFile = !isUrl(source) || options.destination !== undefined || options.config !== undefined;
  const named = fileOf(options, cwd);
  // The image names a file that need not be there.
  const path = needsFile || isThere(named) ? named : undefined;
  const file = path === undefined ? undefined : await loadConfig(path);
  const server = isUrl(source) ? nameOfUrl(source) : source;
  const servers = open === undefined ? pick(file?.servers ?? {}, source, 'server') : { [server]: open };
  const out = options.out ?? (isUrl(source) && options.destination === undefined ? DEFAULT_OUT : undefined);
  const destinations: Config['destinations'] =
    out === undefined
      ? pick(file?.destinations ?? {}, options.destination ?? firstOf(file), 'destination')
      : { [OUT]: { type: 'directory', path: resolve(cwd, out) } };
  return {
    config: { ...file, servers, destinations },
    server,
    destination: Object.keys(destinations)[0] as string,
    ...(path === undefined ? {} : { file: path }),
  };
}

/** Refuses what would become a folder in the working folder, but was meant to be something else. */
function refuseNoFolder(out: string): void {
  // Such as of a variable that is not set: files would come into this very folder.
  if (out === '') throw new UsageError('--out is empty: name a folder, such as ./exports, or . for this one.');
  if (looksLikeUrl(out)) {
    throw new UsageError(
      `--out ${out.replace(/\/\/[^/]*@/, '//')} is a URL: a bucket is a destination of type s3 in the configuration; ` +
        'name it by --destination.',
    );
  }
  if (beginsAtHome(out)) {
    throw new UsageError(`--out ${out}: nothing here replaces '~', so write $HOME${out.slice(1)}`);
  }
}

/** The file that a command reads, which another one may have to read again from elsewhere. */
export function fileOf({ config }: PlaceOptions, cwd: string): string {
  return resolve(cwd, config ?? process.env['BULK_EXPORT_CONFIG'] ?? CONFIG_FILE);
}

/** Also of a file that cannot be looked at: what it requires may not be passed over. */
function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

function firstOf(file: Config | undefined): string {
  return Object.keys(file?.destinations ?? {})[0] ?? '';
}

/** A server without authorization, checked like one of a file. */
function openServer(baseUrl: string): Config['servers'][string] {
  const text = stringify({ servers: { it: { baseUrl } }, destinations: { out: { type: 'directory', path: '.' } } });
  try {
    return parseConfig(text, 'command line').servers['it'] as Config['servers'][string];
  } catch (error) {
    const fault = /baseUrl: (.*)/.exec((error as Error).message)?.[1];
    // It may hold a password.
    throw fault === undefined ? error : new UsageError(`${baseUrl.replace(/\/\/[^/]*@/, '//')} ${fault}`);
  }
}

function pick<T>(entries: Readonly<Record<string, T>>, name: string, what: string): Record<string, T> {
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry !== undefined) return { [name]: entry };
  throw new UsageError(`The configuration has no ${what} "${name}"; it has ${Object.keys(entries).join(', ')}.`);
}
