import type { WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { startExport } from '../../client.ts';
import type { ExportReport, ExportRequest } from '../../contract.ts';
import type { FolderState } from '../../export-folder/earlier-exports.ts';
import { folderState } from '../../export-folder/earlier-exports.ts';
import { hashRequest } from '../../export-folder/request-hash.ts';
import { openDestination } from '../../storage/destinations.ts';
import { UsageError } from '../exit-codes.ts';
import type { Temporal } from '../temporal.ts';
import type { Plan } from './plan.ts';

/** What a run of `export` keeps with the workflow, so that other commands can go on with it. */
export interface ExportMemo {
  /** Hash of the request. */
  requestHash: string;
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
 * @param options.again an export that is complete is made anew, in another folder
 * @throws UsageError when another request runs under the workflow id
 */
export async function beginExport(
  { client }: Temporal,
  plan: Plan,
  options: { again: boolean; memo: ExportMemo },
): Promise<Begun> {
  const earlier = await describe(client, plan.workflowId);
  if (earlier?.status.name === 'RUNNING') {
    requireSame(earlier, plan);
    const path = plan.request.destination.path;
    return { kind: 'follow', how: 'running', path, taskQueue: earlier.taskQueue };
  }
  const { path, state } = await findPlace(plan, options.again);
  if (state.kind === 'complete') return { kind: 'complete', path, report: state.report };
  // Where the files cannot be seen from here, Temporal may still know how it ended.
  if (plan.config === undefined && earlier?.status.name === 'COMPLETED' && !options.again) {
    const report = (await client.workflow.getHandle(plan.workflowId).result()) as ExportReport;
    return { kind: 'complete', path, report };
  }
  const request = { ...plan.request, destination: { ...plan.request.destination, path } } as ExportRequest;
  await startExport(client, request, {
    workflowId: plan.workflowId,
    taskQueue: plan.taskQueue,
    // Another command of the same may have been faster.
    workflowIdConflictPolicy: 'USE_EXISTING',
    memo: { ...options.memo },
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

function requireSame({ memo, workflowId }: WorkflowExecutionDescription, { request }: Plan): void {
  const running = (memo as Partial<ExportMemo> | undefined)?.requestHash;
  if (running === hashRequest(request)) return;
  throw new UsageError(
    `${workflowId} is running already, with another request. Follow it with "fhir-bulk-export watch", or give another --id.`,
  );
}

/** The folder of the export: the plan's, or for a further export another one beside it. */
async function findPlace(plan: Plan, again: boolean): Promise<{ path: string; state: FolderState }> {
  const { path } = plan.request.destination;
  const state = await lookAt(plan, path);
  if (!again) return { path, state };
  if (plan.config !== undefined && state.kind !== 'complete') return { path, state };
  const unfinished = await newestUnfinished(plan, path);
  if (unfinished !== undefined) return { path: unfinished, state: { kind: 'unfinished' } };
  return { path: `${path}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`, state: { kind: 'free' } };
}

/** What an earlier `--again` has left behind. */
async function newestUnfinished(plan: Plan, path: string): Promise<string | undefined> {
  if (plan.config === undefined) return undefined;
  const [name = '', ...above] = path.split('/').reverse();
  const parent = above.reverse().join('/');
  const root = await openDestination(plan.config, plan.request.destination.name ?? '', '');
  const names = (await root.list(parent)).filter((one) => one.startsWith(`${name}-`)).sort();
  const newest = names.at(-1);
  if (newest === undefined) return undefined;
  const found = parent === '' ? newest : `${parent}/${newest}`;
  return (await lookAt(plan, found)).kind === 'unfinished' ? found : undefined;
}

/** Without a configuration here, the folder cannot be seen. */
async function lookAt({ config, request }: Plan, path: string): Promise<FolderState> {
  if (config === undefined) return { kind: 'free' };
  const folder = await openDestination(config, request.destination.name ?? '', path);
  try {
    return await folderState(folder, request);
  } finally {
    // Opening makes the folder.
    await folder.removeIfEmpty();
  }
}
