import type { Client } from '@temporalio/client';
import type { Config } from '../../config.ts';
import { forgetClaim, removeExport } from '../../export-folder/remove-export.ts';
import type { StoredExport } from '../../export-folder/stored-exports.ts';
import { storedExports } from '../../export-folder/stored-exports.ts';
import { tidy } from '../../fhir/quote.ts';
import { ownerState } from '../../process/is-running.ts';
import { openDestination } from '../../storage/destinations.ts';
import type { Folder } from '../../storage/folder.ts';
import { neededExports } from './needed-exports.ts';
import { retentionOf, surroundings, timeIsEndIn } from './places.ts';
import type { TrailFault } from './removal-trail.ts';
import { RemovalTrail } from './removal-trail.ts';

export interface RemoveOldOptions {
  /** Nothing is changed. */
  dryRun: boolean;
  /** Also those that other exports need. */
  all: boolean;
  /** Also unfinished ones that Temporal does not know. */
  forgotten: boolean;
  /** Who runs it, for the audit trail. */
  requestedBy?: string | undefined;
  /** Shared by the destinations of one call. Default: of this one alone. */
  trailFault?: TrailFault;
}

/** What became of one export that is old enough, or of a folder that is not known; all of a destination where it has no path. */
export interface OldExport {
  kind: 'removed' | 'would-remove' | 'kept' | 'failed';
  destination: string;
  path?: string;
  state?: StoredExport['state'];
  /** ISO 8601. */
  endedAt?: string;
  /** Why it was kept, or has failed. */
  why?: string;
  /** Names in its folder that are not ours and were left. */
  left?: string[];
}

/** How many of a destination. */
export interface Summary {
  kind: 'summary';
  destination: string;
  removed: number;
  kept: number;
  failed: number;
  /** Not old enough. */
  younger: number;
}

type Outcome = Pick<OldExport, 'kind' | 'why' | 'left'>;

/**
 * Removes the exports of a destination that ended longer ago than its retention, the oldest first. One that fails does not
 * keep others from being removed.
 *
 * @param name of a destination that has a retention
 * @param now milliseconds since the epoch
 */
export async function* removeOld(
  config: Config,
  name: string,
  client: Pick<Client, 'workflow'>,
  options: RemoveOldOptions,
  now = Date.now(),
): AsyncGenerator<OldExport | Summary> {
  const retention = retentionOf(config, name) ?? Infinity;
  const summary: Summary = { kind: 'summary', destination: name, removed: 0, kept: 0, failed: 0, younger: 0 };
  const exports: StoredExport[] = [];
  let hasFaults = false;
  let trail: RemovalTrail | undefined;
  const about = (found: { path?: string }, outcome: Outcome): OldExport => {
    summary[outcome.kind === 'would-remove' ? 'removed' : outcome.kind] += 1;
    const { path, state, endedAt } = found as Partial<StoredExport>;
    return {
      destination: name,
      ...(path === undefined ? {} : { path }),
      ...(state === undefined ? {} : { state }),
      ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
      ...outcome,
    };
  };
  try {
    const { rival, isOutside } = await surroundings(config, name);
    if (rival !== undefined) throw new Error(`destination ${rival} is at the same place; give both the same retention`);
    const root = await openDestination(config, name, '', 'removal');
    if (!options.dryRun) trail = await openTrail(config, name, options);
    for await (const found of storedExports(root, isOutside, timeIsEndIn(config))) {
      if ('why' in found) {
        hasFaults ||= found.isFault === true;
        if (!options.dryRun && found.isFault !== true) await removeEmpty(config, name, found.path);
        yield about(found, { kind: found.isFault === true ? 'failed' : 'kept', why: found.why });
      } else exports.push(found);
    }
  } catch (error) {
    // Of what could not be listed nobody knows whether others need it. Single folders may be missing: without them, the end
    // of a chain can only be an earlier one.
    exports.length = 0;
    yield about({}, failed(error));
  }
  const needed = neededExports(exports, { all: options.all, hasFaults });
  exports.sort((a, b) => a.endedAt - b.endedAt);
  const rules: Rules = { config, name, client, options, retention, trail };
  for (const found of exports) {
    const isHalf = found.state === 'half-removed';
    if (!isHalf && now - found.endedAt < retention) {
      const fault = await giveFree(found, rules);
      if (fault === undefined) summary.younger += 1;
      else yield about(found, fault);
      continue;
    }
    const why = isHalf ? undefined : needed.get(found.path);
    if (why === undefined) yield about(found, await removeOne(found, rules).catch(failed));
    else yield about(found, (await giveFree(found, rules)) ?? { kind: 'kept', why });
  }
  yield summary;
}

interface Rules {
  config: Config;
  name: string;
  client: Pick<Client, 'workflow'>;
  options: RemoveOldOptions;
  /** Milliseconds. */
  retention: number;
  trail: RemovalTrail | undefined;
}

/** What a call has left that was killed at its very end: nobody would ever take the empty folder away. */
async function removeEmpty(config: Config, name: string, path: string): Promise<void> {
  await openDestination(config, name, path, 'removal')
    .then((folder) => folder.removeIfEmpty())
    .catch(() => {});
}

async function openTrail(
  config: Config,
  destination: string,
  { requestedBy, all, forgotten, trailFault }: RemoveOldOptions,
): Promise<RemovalTrail | undefined> {
  const { retention = '' } = config.destinations[destination] ?? {};
  return RemovalTrail.open(config, { destination, retention, requestedBy, all, forgotten }, trailFault);
}

async function removeOne(found: StoredExport, rules: Rules): Promise<Outcome> {
  const { config, name, retention, trail } = rules;
  // Before anything is changed.
  const why = await objectionTo(found, rules);
  if (why !== undefined) return (await giveFree(found, rules)) ?? { kind: 'kept', why };
  if (rules.options.dryRun) return { kind: 'would-remove' };
  trail?.requireRecords();
  const open = (inside: string): Promise<Folder> =>
    openDestination(config, name, inside === '' ? found.path : `${found.path}/${inside}`, 'removal');
  const removed = await removeExport(found, {
    open,
    order: trail?.orderFor(found),
    ended: async (removal) => trail?.record(removal, (await open('')).location),
    objection: async (now) => {
      // A machine whose clock is wrong must not remove everything, where the destination has another clock.
      if (found.state !== 'half-removed' && now - found.endedAt < retention) {
        return 'by the clock of the destination it is not old enough: the clock of this machine is wrong';
      }
      return objectionTo(found, rules);
    },
  });
  if (removed.kind === 'kept') return removed;
  return { kind: 'removed', ...(removed.left.length === 0 ? {} : { left: removed.left }) };
}

/** Why Temporal speaks against it. */
async function objectionTo(
  { mark: { owner }, state }: StoredExport,
  { client, options: { forgotten } }: Rules,
): Promise<string | undefined> {
  const known = await ownerState(client, owner);
  if (known === 'running') return `the export ${owner.workflowId} is running`;
  if (known === 'ended' || state !== 'unfinished' || forgotten) return undefined;
  return (
    `it is not finished, and Temporal does not know its export ${owner.workflowId}, which may run in another namespace ` +
    'or service; --forgotten removes it'
  );
}

/**
 * Takes away the claim of an earlier call that was killed.
 *
 * @returns what is to be said when that fails: as long as it is there, no run can take the folder
 */
async function giveFree(
  { removal, state, path }: StoredExport,
  { config, name, options }: Rules,
): Promise<Outcome | undefined> {
  if (removal === undefined || state === 'half-removed' || options.dryRun) return undefined;
  try {
    await forgetClaim(await openDestination(config, name, path, 'removal'), removal);
    return undefined;
  } catch (error) {
    const { why = '', kind } = failed(error);
    return { kind, why: `a claim of an earlier removal keeps runs from its folder, and cannot be removed: ${why}` };
  }
}

function failed(error: unknown): Outcome {
  return { kind: 'failed', why: tidy((error as Error).message, 500) };
}
