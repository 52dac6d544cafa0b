/** The folder of what is not data. */
export const STATE_FOLDER = '.export';

/** Names of all files of an export below its folder. No source file outside this folder names one in `.export/`. */
export const FILES = {
  mark: '.export/export.json',
  takenOver: '.export/taken-over',
  job: '.export/job.json',
  intents: '.export/kick-offs',
  pages: '.export/pages',
  reading: '.export/reading',
  readingProgress: '.export/reading/progress.json',
  entries: '.export/entries',
  summary: '.export/entries/summary.json',
  receipts: '.export/receipts',
  troubles: '.export/troubles',
  missing: '.export/missing.json',
  found: '.export/attachments',
  attachments: 'attachments/index.ndjson',
  report: '.export/report.json',
  manifest: 'manifest.json',
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
export const intentFile = (generation: number, intent: number): string => `${FILES.intents}/${generation}.${intent}`;
export const takenOverFile = (mark: string): string => `${FILES.takenOver}/${mark}.json`;

function number5(number: number): string {
  return String(number).padStart(5, '0');
}
