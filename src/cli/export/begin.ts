import type { WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { startExport } from '../../client.ts';
import type { ExportReport, ExportRequest } from '../../contract.ts';
import type { FolderState } from '../../export-folder/earlier-exports.ts';
import { folderState } from '../../export-folder/earlier-exports.ts';
import { hashRequest } from '../../export-folder/request-hash.ts';
import { isOpen, isRunning } from '../../process/is-running.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import { openDestination } from '../../storage/destinations.ts';
import { commandLine } from '../arguments.ts';
import { UsageError } from '../exit-codes.ts';
import type { Temporal } from '../temporal.ts';
import { isOwnQueue } from './names.ts';
import type { Plan } from './plan.ts';

/** What a run of `export` keeps with the workflow, so that other commands can go on with it. */
export interface CommandMemo {
  /** Hash of the request. */
  requestHash: string;
  /** {@link Plan.place}: where its files go. */
  place: string;
  /** Folder of the export below the destination. */
  path: string;
  /** For a worker of this export alone. */
  command?: MadeCommand;
}

/** How a run of `export` was called. */
export interface MadeCommand {
  /** Arguments behind the command's name. */
  args: string[];
  /** Folder and machine in which it ran. */
  cwd: string;
  host: string;
  /** The configuration file that it read, if any. */
  config?: string;
}

/** The export of a plan, begun or found. */
export type Begun =
  | { kind: 'follow'; how: 'started' | 'running' | 'resumed'; workflowId: string; path: string; taskQueue: string }
  | { kind: 'complete'; workflowId: string; path: string; report: ExportReport };

/**
 * Makes sure that the export of a plan runs, or is complete: one that runs is followed, one that has stopped is continued
 * in its folder.
 *
 * @param command with which it can be made to go on, where its worker is in this process
 * @throws UsageError when another export runs under the workflow id, or in the folder
 */
export async function beginExport({ client }: Temporal, plan: Plan, command: CommandMemo['command']): Promise<Begun> {
  const { workflowId } = plan;
  const earlier = await describe(client, workflowId);
  if (earlier !== undefined && isOpen(earlier)) return followed(earlier, plan, 'running');
  const memo = memoOf(earlier);
  const left = earlier?.status.name === 'COMPLETED' ? undefined : memo.path;
  const { path, state } = await findPlace(plan, left);
  const owner = await runningOwner(client, state);
  // Begun with another id, such as on a machine that had another name: there is one export of a folder.
  if (owner !== undefined) return followed(owner, plan, 'running', hashRequest(plan.request));
  if (state.kind === 'complete') return { kind: 'complete', workflowId, path, report: state.report };
  // Where the files cannot be seen from here, Temporal may still know how it ended.
  const isSame = memo.requestHash === hashRequest(plan.request) && memo.place === plan.place;
  if (plan.visible === undefined && earlier?.status.name === 'COMPLETED' && isSame && !plan.again) {
    const report = (await client.workflow.getHandle(workflowId).result()) as ExportReport;
    return { kind: 'complete', workflowId, path: memo.path ?? path, report };
  }
  const request = { ...plan.request, destination: { ...plan.request.destination, path } } as ExportRequest;
  await startExport(client, request, {
    workflowId,
    taskQueue: plan.taskQueue,
    // Another command of the same may have been faster.
    workflowIdConflictPolicy: 'USE_EXISTING',
    memo: {
      requestHash: hashRequest(plan.request),
      place: plan.place,
      path,
      ...(command === undefined ? {} : { command }),
    } satisfies CommandMemo,
  });
  const how = state.kind === 'unfinished' || path === left ? 'resumed' : 'started';
  const started = await describe(client, workflowId);
  if (started === undefined) return { kind: 'follow', how, workflowId, path, taskQueue: plan.taskQueue };
  return followed(started, plan, how);
}

/** @returns undefined when Temporal knows no such workflow; without what cannot be decoded of its memo */
export async function describe(
  client: Temporal['client'],
  workflowId: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await tolerant(client).workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** What the command that began an export has kept with it. */
export function memoOf(description: WorkflowExecutionDescription | undefined): Partial<CommandMemo> {
  return description?.memo ?? {};
}

/**
 * @param requestHash of what it exports. Default: as its memo says, which those of other clients do not have
 * @throws UsageError unless it is the plan's
 */
function followed(
  description: WorkflowExecutionDescription,
  plan: Plan,
  how: 'started' | 'running' | 'resumed',
  requestHash = memoOf(description).requestHash,
): Begun {
  const { workflowId, taskQueue } = description;
  const memo = memoOf(description);
  // Workers elsewhere write to where they were told; one here must not write to another place.
  const isElsewhere = isOwnQueue(taskQueue, workflowId) && memo.place !== undefined && memo.place !== plan.place;
  if (requestHash !== hashRequest(plan.request) || isElsewhere) {
    const why = isElsewhere ? 'to another place, or by another name of it' : 'with another request';
    throw new UsageError(
      `${workflowId} is running already, ${why}. Follow it with "${commandLine(['watch', workflowId])}", or give another --id.`,
    );
  }
  return { kind: 'follow', how, workflowId, path: memo.path ?? plan.request.destination.path, taskQueue };
}

/** The export to which a folder belongs, if it has not ended. */
async function runningOwner(
  client: Temporal['client'],
  state: FolderState,
): Promise<WorkflowExecutionDescription | undefined> {
  if (!('owner' in state) || !(await isRunning(tolerant(client), state.owner))) return undefined;
  return describe(client, state.owner.workflowId);
}

/**
 * The folder of the export: the plan's, or for a further export another one beside it.
 *
 * @param left folder of an earlier run that did not end well
 */
async function findPlace(plan: Plan, left: string | undefined): Promise<{ path: string; state: FolderState }> {
  const { path } = plan.request.destination;
  const state = await lookAt(plan, path);
  if (!plan.again) return { path, state };
  if (plan.visible !== undefined && (state.kind === 'free' || state.kind === 'unfinished')) return { path, state };
  // Without a look at it, what an earlier run left behind is all that is known.
  const unfinished = plan.visible === undefined ? left : await newestFurther(plan, path);
  if (unfinished !== undefined) {
    const found = await lookAt(plan, unfinished);
    if (plan.visible === undefined || found.kind === 'unfinished') return { path: unfinished, state: found };
  }
  return { path: `${path}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`, state: { kind: 'free' } };
}

/** What the latest `--again` has made. */
async function newestFurther(plan: Plan, path: string): Promise<string | undefined> {
  if (plan.visible === undefined) return undefined;
  const [name = '', ...above] = path.split('/').reverse();
  const parent = above.reverse().join('/');
  const root = await openDestination(plan.visible, plan.request.destination.name ?? '', '');
  const names = (await root.listFolders(parent)).filter((one) => one.startsWith(`${name}-`)).sort();
  const newest = names.at(-1);
  if (newest === undefined) return undefined;
  return parent === '' ? newest : `${parent}/${newest}`;
}

/** Without a configuration here, the folder cannot be seen. */
async function lookAt({ visible, request }: Plan, path: string): Promise<FolderState> {
  if (visible === undefined) return { kind: 'free' };
  const folder = await openDestination(visible, request.destination.name ?? '', path);
  try {
    return await folderState(folder, request, visible.servers[request.server]?.baseUrl ?? '');
  } finally {
    // Opening makes the folder.
    await folder.removeIfEmpty();
  }
}
