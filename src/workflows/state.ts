import type { TokenState } from './token-state.ts';
import type { ExportPhase, MemberList, NewMembers, Warning } from '../contract.ts';
import type { OrdinalRange } from '../policy/batches.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import type { LinkState } from '../policy/link-life.ts';
import type { Slot } from '../policy/gate/messages.ts';
import type { Trouble } from '../policy/trouble.ts';
import type { ManifestSummary } from '../export-folder/manifest-summary.ts';
import type { OpenedExport } from '../activities/open-export.ts';
import type { SteeringState } from './steering-state.ts';

/**
 * Where an export is: all that one run hands to the next when its history is full. Bounded, without secrets.
 *
 * Times are milliseconds since the epoch, also in all that follows.
 */
export interface ExportState<Retry = RetryState> {
  startedAt: number;
  phase: ExportPhase;
  opened?: OpenedExport | undefined;
  /** The job of an earlier run was gone, and another one has been kicked off. */
  restarted: boolean;
  token?: TokenState | undefined;
  job: JobState<Retry>;
  warnings: Warning[];
  /** An operator has asked for a poll that has not come yet. */
  pollRequested?: true | undefined;
  /** When an operator last wanted downloads to go on, whatever they wait for. */
  wokenAt?: number | undefined;
  /** Its place at the gate of its server, where there is one. */
  gate?: GateSeat | undefined;
  /** The first of a series of troubles with the server, without a success in between. */
  stillSince?: number | undefined;
  /** Where its events are recorded; absent when they are not. */
  audit?: AuditState | undefined;
  /** What an operator has asked for; absent when nothing was. */
  steering?: SteeringState | undefined;
  /** Absent unless it is asked for new members. */
  members?: MembersState | undefined;
}

/** What becomes of members whom the group has gained. */
export interface MembersState {
  /** With which their list is compared; only the first run of a chain knows it by itself. */
  last?: MemberList | undefined;
  /** It has been done, or nothing is to be done. */
  done?: true;
  /** All data of new members is there, or comes with this export. */
  isWhole?: boolean;
  report?: NewMembers | undefined;
}

/** The records of an export in the audit trail. */
export interface AuditState {
  /** Of all of them. */
  name: string;
  /** Of the run with which the export began. */
  runId: string;
}

/** What belongs to one job at the server; another one begins with nothing of it. */
export interface JobState<Retry = RetryState> {
  /** Number of the job; rises when the job of an earlier run is gone. */
  generation: number;
  accepted: boolean;
  /** When the server accepted it; undefined in folders of earlier versions. */
  acceptedAt?: number | undefined;
  /** The manifest has all its pages; before that it may have the ones that are ready. */
  complete: boolean;
  poll: PollState;
  manifest?: ManifestSummary | undefined;
  /** When it was seen to be complete: milliseconds since the epoch. */
  completeAt?: number | undefined;
  /** When the files end, where the manifest does not say it: ISO 8601. */
  filesEnd?: string | undefined;
  downloads?: DownloadState<Retry> | undefined;
  attachments?: AttachmentState<Retry> | undefined;
  /** They have been searched for a second time, because an earlier version had found them. */
  searchedAgain?: true;
}

/** What an export has told the gate of its server, and heard of it. */
export interface GateSeat {
  slot: Slot;
  /** When it first wanted what it wants. */
  since: number;
  /** When the gate was last told something, as it was told: 0 before the first message. */
  turn: number;
  /** Number of the last grant. */
  heard: number;
  /** No gate has answered yet what it wants, though one was asked at that time. */
  isNew?: true | undefined;
  unheardSince?: number | undefined;
  /** Turn from which on it has wanted the slot that it wants or has; what the gate answered before is about another one. */
  wantedFrom?: number | undefined;
  /** It has the slot because an earlier run's job is there, and not because the gate granted it. */
  ofEarlierRun?: true | undefined;
  /** It could do nothing with a slot for a time, and wants none meanwhile; then it has its place by {@link since} again. */
  stoodBack?: true | undefined;
  /** After a refused kick-off: when it gives its slot back. */
  keptUntil?: number | undefined;
  askedAt: number;
  downloading: boolean;
  /** Files that it may download at a time; absent until the gate has said so. */
  share?: number | 'unlimited' | undefined;
  /** How often in a row a worker said that the server cannot be asked about, while it waited for a slot. */
  faults?: number | undefined;
  /** Why the gate could not be asked, or that it does not answer; for people. */
  trouble?: string | undefined;
  /** While it waits for a slot. */
  place?: { place: number; waiting: number } | undefined;
  /** The server is busy, and the gate does not know yet; the run that finds it out may end before it can tell. */
  pressing?: true | undefined;
  /** When the gate was last told that the server is busy. */
  pressedAt?: number | undefined;
}

/** As the time of a poll: nothing is waited for. So far of jobs that earlier versions have started. */
export const AT_ONCE = 0;

export interface PollState {
  polls: number;
  notBefore: number;
  /** The server named no time for the next poll, the first one of a job, which it may not know yet. */
  isEarly?: boolean | undefined;
  /** Waits in a row for which the server named no time. */
  backoffs: number;
  /** Kick-offs in a row that found all slots of the server taken. */
  refusals?: number | undefined;
  /**
   * The last kick-off failed otherwise, and the server has no job of it for sure: the slot may be given back. A server that
   * is `unreachable` is so for others, too: then the slot is given back in a pause only.
   */
  noJob?: true | 'unreachable' | undefined;
  trouble?: Trouble | undefined;
  /** How long {@link trouble} had lasted, in milliseconds, when the export began to wait for a slot that others have. */
  lasted?: number | undefined;
  serverProgress?: string | undefined;
  detail?: string | undefined;
}

export interface DownloadState<Retry = RetryState> {
  /** First entry that has not been planned. */
  cursor: number;
  /** Planned and not started. */
  planned: OrdinalRange[];
  retries: Retry[];
  seen: CountsByType;
  done: number;
  failed: number;
  /** Of those: refused with fresh links or too many times, so that the server no longer has them for this job. */
  refused?: number | undefined;
  /** Files put off, by cause. */
  again: Record<string, number>;
  startedAt: number;
  /** Batches that may be in flight; falls when the server is busy and climbs again. */
  window: number;
  /** No batch is started before this time. */
  holdUntil: number;
  busyTimes: number;
  /** How often the manifest has been read again. */
  reading: number;
  /** It could not be read again: since when, when it is tried next, and whether a link had been refused. */
  unread?: { trouble: Trouble; at: number; wasRefused?: true } | undefined;
  detail?: string | undefined;
  /** Epoch of a token that is not why files are refused: one of them was refused by an earlier one as well. */
  goodToken?: number | undefined;
  /** What is known of links; of manifests only. */
  links?: LinkState | undefined;
  /** The last wish of an operator by which all waits have ended. */
  wokenAt?: number | undefined;
  /** Files put off that were too many to be kept: they are tried again when all others are done, in a second pass. */
  left?: number | undefined;
  secondPass?: true;
  /** Ordinals of files that have failed, as far as there is room for them. */
  gaveUp?: number[] | undefined;
  /** The same by cause. */
  causes?: Record<string, number[]> | undefined;
  /** An operator wants all files that are missing in another pass. */
  repeat?: true | undefined;
  /** Downloads were paused while the server still worked, and files are left. */
  held?: true | undefined;
}

/** Attachments of the files, which are searched for and then fetched. */
export interface AttachmentState<Retry = RetryState> {
  /** First file that has not been searched; absent when all have been. */
  file?: number | undefined;
  /** Ordinals of the first attachment and behind the last. */
  first: number;
  end: number;
  downloads: DownloadState<Retry>;
  /** Refusals go on with a new token, so they are not about the token. */
  tokenIsGood: boolean;
}

/** A file to be fetched again. */
export interface RetryState {
  ordinal: number;
  trouble: Trouble;
  notBefore: number;
  /** Age at which its link was refused, and too old for that to mean anything. */
  age?: number | undefined;
}

export function newState(now: number): ExportState {
  return { startedAt: now, phase: 'starting', restarted: false, job: newJob(1, 0), warnings: [] };
}

/** @param polls made so far, of all jobs */
export function newJob(generation: number, polls: number): JobState {
  return { generation, accepted: false, complete: false, poll: { polls, notBefore: AT_ONCE, backoffs: 0 } };
}

export function newDownloads(cursor: number, window: number, now: number): DownloadState {
  return {
    cursor,
    planned: [],
    retries: [],
    seen: {},
    done: 0,
    failed: 0,
    again: {},
    startedAt: now,
    window,
    holdUntil: 0,
    busyTimes: 0,
    reading: 0,
  };
}

/** Warnings after which further ones are kept only when their code is new: each code says something else to do. */
const MANY_WARNINGS = 50;

/** Adds warnings that are not there yet. There are few codes, so the list stays short. */
export function addWarnings(state: ExportState, warnings: readonly Warning[]): void {
  for (const warning of warnings) {
    const ofCode = state.warnings.filter(({ code }) => code === warning.code);
    if (ofCode.length > 0 && state.warnings.length >= MANY_WARNINGS) continue;
    if (!ofCode.some(({ message }) => message === warning.message)) state.warnings.push(warning);
  }
}
