import { hostname } from 'node:os';
import type { Config } from '../../config.ts';
import type { ExportRequest } from '../../contract.ts';
import { isRunning } from '../../process/is-running.ts';
import { taskQueueOf } from '../../process/task-queue.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import { faultOfPath } from '../../policy/request/validate-path.ts';
import type { Temporal } from '../temporal.ts';
import { UsageError } from '../exit-codes.ts';
import type { LocalConfig, PlaceOptions } from './configuration.ts';
import { localConfig } from './configuration.ts';
import { isUrl, pathOf, queueOf, shortHash, workflowIdOf } from './names.ts';
import type { RequestOptions } from './request-of.ts';
import { requestOf } from './request-of.ts';
import { sinceLast } from './since-last.ts';

/** All options of `export`. */
export interface ExportOptions extends RequestOptions, PlaceOptions {
  path?: string;
  id?: string;
  again?: boolean;
  worker?: boolean;
  json?: boolean;
  cancelOnInterrupt?: boolean;
}

/** What is to be exported, by whom and where to. */
export interface Plan {
  workflowId: string;
  taskQueue: string;
  /** With a destination and path. */
  request: ExportRequest & { destination: { name?: string; path: string } };
  /** Of a worker in this process, on a task queue of this export alone; undefined: workers elsewhere run the export. */
  config?: Config;
  /** From which that was read, if from any. */
  file?: string;
  /** By which the destination can be seen from here; undefined: the workers alone know it. */
  visible?: Config;
  /** The same for plans that write to the same place. */
  place: string;
  /** An export that is complete is made anew, in another folder. */
  again: boolean;
  /** Something to tell about `--since last`. */
  note?: string;
}

/**
 * Decides everything that follows from the command line. The same command line has the same plan, so that it finds the
 * export that it began before.
 *
 * @param source a URL or the name of a configured server
 * @param temporal the service that is used: an embedded one has no other workers, and knows which exports run
 * @param cwd folder from which relative paths are taken
 * @throws UsageError, or Error for a faulty configuration
 */
export async function planExport(
  source: string,
  options: ExportOptions,
  { service, client }: Pick<Temporal, 'service' | 'client'>,
  cwd: string,
): Promise<Plan> {
  const isHere = isUrl(source) || options.out !== undefined || options.worker === true || service === 'embedded';
  const local = isHere ? await localConfig(source, options, cwd) : undefined;
  const server = local?.server ?? source;
  const isLast = options.since === 'last';
  if (!isHere && !isLast && options.config !== undefined) {
    throw new UsageError('--config is for a worker here (--worker): workers elsewhere have their own configuration.');
  }
  const asked = requestOf(server, options, isLast ? undefined : options.since);
  const seen = local ?? (isLast ? await sharedConfig(source, options, cwd) : undefined);
  const last =
    isLast && seen !== undefined
      ? await sinceLast(seen, asked, (owner) => isRunning(tolerant(client), owner))
      : undefined;
  const request = last?.since === undefined ? asked : requestOf(server, options, last.since);

  const path = options.path ?? pathOf(request);
  const fault = faultOfPath(path);
  if (fault !== undefined) throw new UsageError(`--path ${fault}`);
  if (options.path !== undefined && options.again === true) {
    throw new UsageError('--again chooses a folder of its own: give --path another one instead.');
  }
  const name = seen?.destination ?? options.destination;
  const destination = local?.config.destinations[local.destination];
  const where = [path, name ?? '', JSON.stringify(destination ?? '')];
  // A folder of the same name on another machine is another one.
  const whose = destination?.type === 'directory' ? [hostname(), userId()] : [];
  const workflowId = last?.running?.workflowId ?? options.id ?? workflowIdOf(request, [...where, ...whose]);
  const deployment = taskQueueOf(process.env);
  return {
    workflowId,
    taskQueue: isHere ? queueOf(deployment, workflowId) : deployment,
    request: { ...request, destination: { ...(name === undefined ? {} : { name }), path } },
    ...(local === undefined ? {} : { config: local.config }),
    ...(local?.file === undefined ? {} : { file: local.file }),
    ...(seen === undefined ? {} : { visible: seen.config }),
    place: shortHash(JSON.stringify(where), 12),
    again: options.again === true || isLast,
    ...(last === undefined ? {} : { note: last.note }),
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

/** Not the name: a container's user may have none. */
function userId(): string {
  return String(process.getuid?.() ?? '');
}
