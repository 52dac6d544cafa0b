import type { ExportAtGate, GateReport } from '../../gate-contract.ts';
import type { GateState, Member } from './gate-state.ts';
import { queuesOf } from './slots.ts';

/** Exports that are named of each kind; all of them are counted. */
const MOST_NAMED = 50;

/** The last moment that has a name. Anybody may have sent a later one, and the gate must not fail by it. */
const LATEST = 8.64e15;

/** Answer to the query `slots` of a gate. */
export function reportOf(state: GateState, server: string, now: number): GateReport {
  const { limits, members, total } = state;
  const held = members.filter(({ slot }) => slot === 'held');
  const waiting = queuesOf(state).flatMap((queue) =>
    queue.map((member, index) => ({ ...named(member), place: index + 1 })),
  );
  const silent = members.filter(({ isSilent }) => isSilent === true);
  const downloading = members.filter((member) => member.downloading);
  return {
    server,
    maxConcurrentExports: limits.exports,
    held: { count: held.length, exports: held.slice(0, MOST_NAMED).map(named) },
    waiting: { count: waiting.length, exports: waiting.slice(0, MOST_NAMED) },
    silent: { count: silent.length, exports: silent.slice(0, MOST_NAMED).map(asSilent) },
    maxDownloadsInAll: limits.downloads,
    downloadsNow: total,
    downloading: {
      count: downloading.length,
      exports: downloading.slice(0, MOST_NAMED).map((member) => ({ ...named(member), downloads: member.share })),
    },
    grantsFrom: state.grantsFrom > now ? isoTime(state.grantsFrom) : undefined,
  };
}

function named({ workflowId, pool, since, idle }: Member): ExportAtGate {
  return {
    workflowId,
    ...(pool === '' ? {} : { pool }),
    since: isoTime(since),
    ...(idle === undefined ? {} : { idle }),
  };
}

function asSilent(member: Member): GateReport['silent']['exports'][number] {
  const { slot, saidAt = 0 } = member;
  return { ...named(member), slot, heard: isoTime(saidAt) };
}

function isoTime(time: number): string {
  return new Date(Math.min(time, LATEST)).toISOString();
}

/** The same as Markdown, for the current details in the Web UI. */
export function describeGate(report: GateReport): string {
  const { held, waiting, silent, downloading, maxConcurrentExports, maxDownloadsInAll, downloadsNow, grantsFrom } =
    report;
  const lines = [
    `**Slots of \`${report.server}\`**`,
    maxConcurrentExports === undefined
      ? undefined
      : `Exports: **${held.count}** at work, at most ${maxConcurrentExports}`,
    ...held.exports.map(
      ({ workflowId, pool, since, idle }) =>
        `- ${code(workflowId)}${inPool(pool)}, since ${since}${idle === undefined ? '' : `, **${idle}**`}`,
    ),
    waiting.count === 0 ? undefined : `Waiting: **${waiting.count}**`,
    ...waiting.exports
      .slice(0, 10)
      .map(({ place, workflowId, pool }) => `${place}. ${code(workflowId)}${inPool(pool)}`),
    silent.count === 0 ? undefined : `Silent: **${silent.count}**, paused, stuck, or without workers`,
    ...silent.exports
      .slice(0, 10)
      .map(({ workflowId, slot, heard }) => `- ${code(workflowId)}, slot ${slot}, not heard since ${heard}`),
    maxDownloadsInAll === undefined
      ? undefined
      : `Downloads: **${downloadsNow ?? maxDownloadsInAll}** at a time, of at most ${maxDownloadsInAll}, for ${downloading.count} exports`,
    grantsFrom === undefined
      ? undefined
      : `Nothing is granted before ${grantsFrom}: exports that hold slots are heard first`,
  ];
  return lines.filter((line) => line !== undefined).join('\n\n');
}

function inPool(pool: string | undefined): string {
  return pool === undefined ? '' : ` (${code(pool)})`;
}

/** Ids are of anybody's choosing. */
function code(text: string): string {
  return `\`${text.replaceAll('`', "'").slice(0, 120)}\``;
}
