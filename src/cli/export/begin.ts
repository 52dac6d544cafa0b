import type { WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { startExport } from '../../client.ts';
import type { ExportReport, ExportRequest } from '../../contract.ts';
import type { FolderState } from '../../export-folder/earlier-exports.ts';
import { folderState } from '../../export-folder/earlier-exports.ts';
import { hashRequest } from '../../export-folder/request-hash.ts';
import { isOpen } from '../../process/is-running.ts';
import { openDestination } from '../../storage/destinations.ts';
import { UsageError } from '../exit-codes.ts';
import type { Temporal } from '../temporal.ts';
import type { Plan } from './plan.ts';

/** What a run of `export` keeps with the workflow, so that other commands can go on with it. */
export interface ExportMemo {
  /** Hash of the request. */
  requestHash: string;
  /** {@link Plan.place}: where its files go. */
  place: string;
  /** Folder of the export below the destination. */
  path: string;
  /** Arguments of the command behind its name, and the folder in which it ran; for a worker of this export alone. */
  command?: { args: string[]; cwd: string };
}

/** The export of a plan, begun or found. */
export type Begun =
  | { kind: 'follow'; how: 'started' | 'running' | 'resumed'; path: string; taskQueue: string }
  | { kind: 'complete'; path: string; report: ExportReport };

/**
 * Makes sure that the export of a plan runs, or is complete: one that runs is followed, one that has stopped is continued
 * in its folder.
 *
 * @param command with which it can be made to go on, where its worker is in this process
 * @throws UsageError when another export runs under the workflow id
 */
export async function beginExport({ client }: Temporal, plan: Plan, command: ExportMemo['command']): Promise<Begun> {
  const earlier = await describe(client, plan.workflowId);
  const memo = (earlier?.memo ?? {}) as Partial<ExportMemo>;
  if (earlier !== undefined && isOpen(earlier)) {
    requireSame(earlier, memo, plan);
    const path = memo.path ?? plan.request.destination.path;
    return { kind: 'follow', how: 'running', path, taskQueue: earlier.taskQueue };
  }
  const { path, state } = await findPlace(plan, earlier?.status.name === 'COMPLETED' ? undefined : memo.path);
  if (state.kind === 'complete') return { kind: 'complete', path, report: state.report };
  // Where the files cannot be seen from here, Temporal may still know how it ended.
  const isSame = memo.requestHash === hashRequest(plan.request) && memo.place === plan.place;
  if (plan.visible === undefined && earlier?.status.name === 'COMPLETED' && isSame && !plan.again) {
    const report = (await client.workflow.getHandle(plan.workflowId).result()) as ExportReport;
    return { kind: 'complete', path: memo.path ?? path, report };
  }
  const request = { ...plan.request, destination: { ...plan.request.destination, path } } as ExportRequest;
  await startExport(client, request, {
    workflowId: plan.workflowId,
    taskQueue: plan.taskQueue,
    // Another command of the same may have been faster.
    workflowIdConflictPolicy: 'USE_EXISTING',
    memo: {
      requestHash: hashRequest(plan.request),
      place: plan.place,
      path,
      ...(command === undefined ? {} : { command }),
    } satisfies ExportMemo,
  });
  return { kind: 'follow', how: state.kind === 'unfinished' ? 'resumed' : 'started', path, taskQueue: plan.taskQueue };
}

/** @returns undefined when Temporal knows no such workflow */
export async function describe(
  client: Temporal['client'],
  workflowId: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function requireSame(
  { workflowId, taskQueue }: WorkflowExecutionDescription,
  memo: Partial<ExportMemo>,
  plan: Plan,
): void {
  // Workers elsewhere write to where they were told; one here must not write to another place.
  const isElsewhere = taskQueue === plan.taskQueue && memo.place !== undefined && memo.place !== plan.place;
  if (memo.requestHash === hashRequest(plan.request) && !isElsewhere) return;
  throw new UsageError(
    `${workflowId} is running already, ${isElsewhere ? 'to another place' : 'with another request'}. Follow it with ` +
      '"fhir-bulk-export watch", or give another --id.',
  );
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
  const unfinished = plan.visible === undefined ? left : await newestUnfinished(plan, path);
  if (unfinished !== undefined) return { path: unfinished, state: { kind: 'unfinished' } };
  return { path: `${path}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`, state: { kind: 'free' } };
}

/** What an earlier `--again` has left behind. */
async function newestUnfinished(plan: Plan, path: string): Promise<string | undefined> {
  if (plan.visible === undefined) return undefined;
  const [name = '', ...above] = path.split('/').reverse();
  const parent = above.reverse().join('/');
  const root = await openDestination(plan.visible, plan.request.destination.name ?? '', '');
  const names = (await root.listFolders(parent)).filter((one) => one.startsWith(`${name}-`)).sort();
  const newest = names.at(-1);
  if (newest === undefined) return undefined;
  const found = parent === '' ? newest : `${parent}/${newest}`;
  return (await lookAt(plan, found)).kind === 'unfinished' ? found : undefined;
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
