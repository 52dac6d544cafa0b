import type { KillPoint } from '../support/kill-point.ts';

/** A point at which the worker process is killed, and what comes of it. */
export interface Row {
  /** When. */
  name: string;
  kill: KillPoint;
  /** Requests that the FHIR server saw, in all; most for one file. */
  kickOffs?: number;
  jobs?: number;
  /** Reads of the status URL and of manifest pages; without a kill "in progress" and two pages. */
  polls?: number;
  fetches?: number;
  /** Only requests for this file are counted: the next one was on its way, and is fetched again. */
  file?: string;
  deletes?: number;
  tokens?: number;
  warnings?: string[];
  /** `complete`, or the code of the failure. Default `complete`. */
  end?: string;
  /** The server thinks for a while before it answers the first of these. */
  slow?: 'kickOff' | 'file';
  /** Links expire at the third file. */
  linksExpire?: boolean;
  /** The export is cancelled while it waits for the server. */
  cancel?: boolean;
  /** With attachments, which are in one page of files; most requests for one of them, without a kill 1. */
  attachments?: number;
  /** An earlier run in the same folder was cancelled, so that its job is gone. */
  second?: boolean;
}

const ORPHAN = ['PossibleOrphanJob'];
const job = (nth: number, when: 'before' | 'after' = 'after'): KillPoint => ({
  on: 'named',
  what: 'job\\.json$',
  nth,
  when,
});
const named = (what: string, when: 'before' | 'after', nth = 1): KillPoint => ({ on: 'named', what, when, nth });
const done = (activity: string, nth = 1): KillPoint => ({ on: 'done', what: `^${activity}$`, nth });
const KICK_OFF = '^GET /fhir/\\$export';

// One row for each step, before and after its effect. Every row that says nothing else: one kick-off, one job, every
// file fetched once, one DELETE, no warning, complete.
export const ROWS: Row[] = [
  { name: 'the mark is not written', kill: named('export\\.json$', 'before') },
  { name: 'the mark is written, not reported', kill: done('openExport') },
  // Each worker has a token of its own; the second mints one for the epoch that it is told.
  { name: 'the token is minted, not reported', kill: done('refreshToken'), tokens: 2 },
  { name: 'the kick-off is not yet intended', kill: job(1) },
  { name: 'the kick-off is intended, not sent', kill: job(2), warnings: ORPHAN },
  {
    name: 'the kick-off is sent, its answer has not come',
    kill: { on: 'sent', what: KICK_OFF },
    slow: 'kickOff',
    kickOffs: 2,
    jobs: 2,
    warnings: ORPHAN,
  },
  {
    name: 'the answer to the kick-off has come, it is not recorded',
    kill: { on: 'answered', what: KICK_OFF },
    kickOffs: 2,
    jobs: 2,
    warnings: ORPHAN,
  },
  {
    name: 'the same, twice',
    kill: { on: 'answered', what: KICK_OFF, times: 2 },
    kickOffs: 2,
    jobs: 2,
    deletes: 0,
    end: 'KickOffUnknown',
  },
  { name: 'the status URL is recorded, not reported', kill: job(3) },
  { name: 'the kick-off is done, not reported', kill: done('kickOff') },
  {
    name: '"in progress" has come, it is not reported',
    kill: { on: 'answered', what: '^GET /fhir/export-status' },
  },
  { name: 'a manifest page is stored, its description is not', kill: named('pages/00001\\.json$', 'before'), polls: 4 },
  {
    name: 'the first manifest page is stored, the second is not asked for',
    kill: named('pages/00001\\.json$', 'after'),
  },
  { name: 'all pages are stored, not listed', kill: named('entries/summary\\.json$', 'before') },
  { name: 'the manifest is read, not reported', kill: done('pollStatus', 2) },
  { name: 'the plan is made, not reported', kill: done('planDownloads') },
  {
    name: 'a file is asked for, nothing has come',
    kill: { on: 'sent', what: '^GET /files/[^/]+/Patient' },
    slow: 'file',
    fetches: 2,
  },
  { name: 'a file has come, it has no name yet', kill: named('/Patient\\.00001\\.ndjson$', 'before'), fetches: 2 },
  {
    name: 'a file has its name, there is no receipt',
    kill: named('/Patient\\.00001\\.ndjson$', 'after'),
    file: 'Patient',
  },
  { name: 'the receipt is written, the batch is not reported', kill: named('receipts/00000/[^/]+\\.json$', 'after') },
  { name: 'a batch is done, not reported', kill: done('downloadFiles') },
  {
    name: 'fresh links are stored, not reported',
    kill: done('refreshManifest'),
    linksExpire: true,
    fetches: 2,
    polls: 5,
  },
  { name: 'attachments are found, not listed', kill: named('attachments/\\d+\\.ndjson$', 'after'), attachments: 1 },
  { name: 'attachments are listed, not reported', kill: done('findAttachments'), attachments: 1 },
  {
    name: 'an attachment has come, it has no name yet',
    kill: named('/attachments/[0-9a-f]{64}$', 'before'),
    attachments: 2,
  },
  { name: 'a batch of attachments is done, not reported', kill: done('downloadFiles', 3), attachments: 1 },
  { name: 'the index of attachments is not there', kill: named('attachments/index', 'before'), attachments: 1 },
  { name: 'the log is not there', kill: named('/log\\.ndjson$', 'before') },
  { name: 'the log is there, manifest.json is not', kill: named('/log\\.ndjson$', 'after') },
  { name: 'the report is written, manifest.json is not there', kill: named('/manifest\\.json$', 'before') },
  { name: 'manifest.json is there, nothing is tidied up', kill: named('/manifest\\.json$', 'after') },
  { name: 'settled, not reported', kill: done('settleExport') },
  { name: 'DELETE is answered, it is not recorded', kill: { on: 'answered', what: '^DELETE ' }, deletes: 2 },
  { name: 'DELETE is recorded, not reported', kill: done('deleteJob') },
  {
    name: 'cancelled, DELETE is answered, it is not recorded',
    kill: { on: 'answered', what: '^DELETE ' },
    cancel: true,
    deletes: 2,
    end: 'Cancelled',
  },
  {
    name: 'the folder of an earlier job is being cleared',
    kill: job(1),
    second: true,
    kickOffs: 2,
    jobs: 2,
    deletes: 2,
    warnings: ['JobRestarted'],
  },
];
