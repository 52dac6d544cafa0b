import { hostname } from 'node:os';
import type { Config } from '../../config.ts';
import type { ExportRequest } from '../../contract.ts';
import { isRunning } from '../../process/is-running.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import { faultOfPath } from '../../policy/request/validate-path.ts';
import type { Temporal } from '../temporal.ts';
import { UsageError } from '../exit-codes.ts';
import type { Asked } from './asked.ts';
import { pathOf, queueOf, shortHash, workflowIdOf } from './names.ts';
import { requestOf } from './request-of.ts';
import { sinceLast } from './since-last.ts';

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
 * @param temporal knows which exports run
 * @throws UsageError
 */
export async function planExport(
  { server, options, request: asked, deployment, local, seen }: Asked,
  { client }: Pick<Temporal, 'client'>,
): Promise<Plan> {
  const isLast = options.since === 'last';
  const last =
    isLast && seen !== undefined
      ? await sinceLast(seen, asked, (owner) => isRunning(tolerant(client), owner))
      : undefined;
  const request = last?.since === undefined ? asked : requestOf(server, options, last.since);

  const path = options.path ?? pathOf(request);
  const fault = faultOfPath(path);
  if (fault !== undefined) throw new UsageError(`--path ${fault}`);
  const name = seen?.destination ?? options.destination;
  const destination = local?.config.destinations[local.destination];
  const where = [path, name ?? '', JSON.stringify(destination ?? '')];
  // A folder of the same name on another machine is another one.
  const whose = destination?.type === 'directory' ? [hostname(), userId()] : [];
  const workflowId = last?.running?.workflowId ?? options.id ?? workflowIdOf(request, [...where, ...whose]);
  return {
    workflowId,
    taskQueue: local === undefined ? deployment : queueOf(deployment, workflowId),
    request: { ...request, destination: { ...(name === undefined ? {} : { name }), path } },
    ...(local === undefined ? {} : { config: local.config }),
    ...(local?.file === undefined ? {} : { file: local.file }),
    ...(seen === undefined ? {} : { visible: seen.config }),
    place: shortHash(JSON.stringify(where), 12),
    again: options.again === true || isLast,
    ...(last === undefined ? {} : { note: last.note }),
  };
}

/** Not the name: a container's user may have none. */
function userId(): string {
  return String(process.getuid?.() ?? '');
}
