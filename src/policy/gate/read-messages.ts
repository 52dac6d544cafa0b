import type { Ask, ExportName, GateLimits, Grant } from './messages.ts';

/** Characters of a workflow id that Temporal takes, and more than any other text of a message has. */
const LONGEST = 1000;

/**
 * An {@link Ask} as anybody may have sent it, for signals are open to all who may start workflows; undefined when it is
 * none. What is wrong must not fail a workflow's task, which would be tried again for ever.
 */
export function readAsk(message: unknown): Ask | undefined {
  const name = readName(message);
  if (name === undefined) return undefined;
  const {
    turn,
    since,
    slot,
    pool,
    downloading,
    uses,
    knowsNoShare,
    heard,
    isNew,
    wantedFrom,
    idle,
    pressure,
    priority,
    fairnessKey,
    weight,
    limits,
  } = message as Record<keyof Ask, unknown>;
  if (!isNumber(turn) || !isNumber(since) || !isNumber(uses) || !isNumber(heard)) return undefined;
  if (slot !== 'wanted' && slot !== 'held' && slot !== 'none') return undefined;
  return {
    ...name,
    turn,
    since,
    slot,
    pool: isText(pool) ? pool : '',
    downloading: downloading === true,
    uses,
    ...(knowsNoShare === true ? { knowsNoShare } : {}),
    heard,
    ...(isNew === true ? { isNew } : {}),
    ...(isNumber(wantedFrom) ? { wantedFrom } : {}),
    ...(idle === 'paused' || idle === 'needs-attention' ? { idle } : {}),
    ...(pressure === true ? { pressure } : {}),
    priority: isNumber(priority) ? priority : 3,
    fairnessKey: isText(fairnessKey) ? fairnessKey : '',
    weight: isNumber(weight) ? Math.max(0.001, weight) : 1,
    limits: readLimits(limits),
  };
}

/** The export that a message names; undefined when it names none. */
export function readName(message: unknown): ExportName | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { workflowId, firstRunId } = message as Record<keyof ExportName, unknown>;
  return isText(workflowId) && isText(firstRunId) && workflowId !== '' ? { workflowId, firstRunId } : undefined;
}

/** A {@link Grant} as anybody may have sent it; undefined when it is none. */
export function readGrant(message: unknown): Grant | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { firstRunId, number, turn, slot, place, waiting, downloads } = message as Record<keyof Grant, unknown>;
  if (!isText(firstRunId) || !isNumber(number)) return undefined;
  return {
    firstRunId,
    number,
    ...(isNumber(turn) ? { turn } : {}),
    slot: slot === true,
    ...(isNumber(place) ? { place } : {}),
    ...(isNumber(waiting) ? { waiting } : {}),
    ...(isNumber(downloads) ? { downloads } : {}),
  };
}

function readLimits(limits: unknown): GateLimits {
  const { exports, downloads } = (limits ?? {}) as Record<keyof GateLimits, unknown>;
  return {
    ...(isNumber(exports) && exports >= 1 ? { exports } : {}),
    ...(isNumber(downloads) && downloads >= 1 ? { downloads } : {}),
  };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST;
}
