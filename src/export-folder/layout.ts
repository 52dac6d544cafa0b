import { PARTS_FOLDER, WORK_FOLDER } from '../storage/work-folder.ts';

/** The folder of what is not data; storage keeps unpublished parts in it, too. */
export const STATE_FOLDER = WORK_FOLDER;

/** Names of all files of an export below its folder. Nobody outside this folder names a file in `.export/`. */
export const FILES = {
  mark: `${STATE_FOLDER}/export.json`,
  takenOver: `${STATE_FOLDER}/taken-over`,
  removing: `${STATE_FOLDER}/removing.json`,
  job: `${STATE_FOLDER}/job.json`,
  answers: `${STATE_FOLDER}/answers.json`,
  foundMembers: `${STATE_FOLDER}/members-found.json`,
  knownMembers: `${STATE_FOLDER}/members-known.json`,
  intents: `${STATE_FOLDER}/kick-offs`,
  pages: `${STATE_FOLDER}/pages`,
  reading: `${STATE_FOLDER}/reading`,
  readingProgress: `${STATE_FOLDER}/reading/progress.json`,
  entries: `${STATE_FOLDER}/entries`,
  summary: `${STATE_FOLDER}/entries/summary.json`,
  receipts: `${STATE_FOLDER}/receipts`,
  troubles: `${STATE_FOLDER}/troubles`,
  asked: `${STATE_FOLDER}/asked`,
  missing: `${STATE_FOLDER}/missing.json`,
  found: `${STATE_FOLDER}/attachments`,
  attachments: 'attachments/index.ndjson',
  report: `${STATE_FOLDER}/report.json`,
  manifest: 'manifest.json',
  log: 'log.ndjson',
  partialManifest: 'manifest.partial.json',
  deletions: 'deletions.ndjson',
  errorSummary: 'error/summary.json',
} as const;

/** Where manifest pages are: as they came first, or as a later reading of the manifest brings them. */
export type PagesFolder = typeof FILES.pages | typeof FILES.reading;

export const pageFile = (page: number, where: PagesFolder): string => `${where}/${number5(page)}.body.json`;
export const pageMetaFile = (page: number, where: PagesFolder): string => `${where}/${number5(page)}.json`;
export const entriesFile = (chunk: number): string => `${FILES.entries}/${number5(chunk)}.json`;
export const renewedFile = (chunk: number): string => `${FILES.reading}/entries.${number5(chunk)}.json`;
export const receiptsFolder = (chunk: number): string => `${FILES.receipts}/${number5(chunk)}`;
export const foundFile = (ordinal: number): string => `${FILES.found}/${number5(ordinal)}.ndjson`;
export const troubleFile = (ordinal: number): string => `${FILES.troubles}/${ordinal}.txt`;
/** With the parts: like them, nobody needs it when the export is over. */
export const unprovedFile = (name: string): string => `${PARTS_FOLDER}/unproved.${name}`;
export const askedFile = ({ generation, ordinal, time }: Record<'generation' | 'ordinal' | 'time', number>): string =>
  `${FILES.asked}/${generation}.${ordinal}.${time}`;
/** What an earlier job had left has been removed for the job of this number. */
export const clearedFile = (generation: number): string => `${FILES.intents}/${generation}.cleared`;
export const intentFile = (generation: number, intent: number): string => `${FILES.intents}/${generation}.${intent}`;
/** A run has ended that may still have a job accepted. */
export const unwantedFile = (runId: string): string => `${FILES.intents}/unwanted.${runId}`;
export const takenOverFile = (mark: string): string => `${FILES.takenOver}/${mark}.json`;

function number5(number: number): string {
  return String(number).padStart(5, '0');
}
