import type { ExportRequest } from '../../contract.ts';
import { faultOfPath } from '../../policy/request/validate-path.ts';
import { taskQueueOf } from '../../process/task-queue.ts';
import { openDestination } from '../../storage/destinations.ts';
import { UsageError } from '../exit-codes.ts';
import type { Temporal } from '../temporal.ts';
import type { LocalConfig, PlaceOptions } from './configuration.ts';
import { localConfig } from './configuration.ts';
import { isUrl, pathOf } from './names.ts';
import type { RequestOptions } from './request-of.ts';
import { requestOf } from './request-of.ts';
import { workerSettings } from './worker-settings.ts';

/** All options of `export`. */
export interface ExportOptions extends RequestOptions, PlaceOptions {
  path?: string;
  id?: string;
  again?: boolean;
  worker?: boolean;
  json?: boolean;
  cancelOnInterrupt?: boolean;
}

/** What the command line asks for, as far as it can be known without Temporal. */
export interface Asked {
  /** Name of the server. */
  server: string;
  options: ExportOptions;
  /** Without the `_since` that `--since last` means. */
  request: ExportRequest;
  /** Task queue of the workers elsewhere. */
  deployment: string;
  /** For a worker in this process; undefined: workers elsewhere run the export. */
  local?: LocalConfig;
  /** By which the destination can be seen from here; undefined: the workers alone know it. */
  seen?: LocalConfig;
}

/**
 * Reads the command line, the configuration and the environment, so that what is wrong there is known before anything is
 * started.
 *
 * @param source a URL or the name of a configured server
 * @param service that will be used: an embedded one has no other workers
 * @param cwd folder from which relative paths are taken
 * @throws UsageError, or Error for a faulty configuration, environment or folder
 */
export async function readCommandLine(
  source: string,
  options: ExportOptions,
  service: Temporal['service'],
  cwd: string,
): Promise<Asked> {
  if (!isUrl(source) && source.includes('/')) {
    throw new UsageError(`${source} is no name of a configured server, and a URL begins with https://.`);
  }
  const isHere = isUrl(source) || options.out !== undefined || options.worker === true || service === 'embedded';
  const local = isHere ? await localConfig(source, options, cwd) : undefined;
  const server = local?.server ?? source;
  const isLast = options.since === 'last';
  if (!isHere && !isLast && options.config !== undefined) {
    throw new UsageError('--config is for a worker here (--worker): workers elsewhere have their own configuration.');
  }
  if (options.destination === '') throw new UsageError('--destination is empty.');
  const fault = options.path === undefined ? undefined : faultOfPath(options.path);
  if (fault !== undefined) throw new UsageError(`--path ${fault}`);
  if (options.path !== undefined && options.again === true) {
    throw new UsageError('--again chooses a folder of its own: give --path another one instead.');
  }
  const request = requestOf(server, options, isLast ? undefined : options.since);
  const seen = local ?? (isLast ? await sharedConfig(source, options, cwd) : undefined);
  const deployment = taskQueueOf(process.env);
  if (local !== undefined) {
    workerSettings(local.config);
    await tryFolder(local, options.path ?? pathOf(request));
  }
  return {
    server,
    options,
    request,
    deployment,
    ...(local === undefined ? {} : { local }),
    ...(seen === undefined ? {} : { seen }),
  };
}

/** Configuration by which a destination of workers elsewhere can be seen from here. */
async function sharedConfig(source: string, options: ExportOptions, cwd: string): Promise<LocalConfig> {
  const found = await localConfig(source, options, cwd);
  if (found.config.destinations[found.destination]?.type === 'directory') {
    throw new UsageError(
      `--since last reads the destination, and "${found.destination}" is a folder, which workers elsewhere need not share: ` +
        'give --worker, or a destination that is none.',
    );
  }
  return found;
}

/** A folder that cannot be made or entered. Of a bucket the export itself says it: that takes the network. */
async function tryFolder({ config, destination }: LocalConfig, path: string): Promise<void> {
  if (config.destinations[destination]?.type !== 'directory') return;
  const folder = await openDestination(config, destination, path);
  // Opening makes it.
  await folder.removeIfEmpty();
}
