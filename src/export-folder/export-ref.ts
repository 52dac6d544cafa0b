/** Where an export is; every activity is given it. */
export interface ExportRef {
  /** Entries of the configuration. */
  server: string;
  destination: string;
  path: string;
  /** Random text in `.export/export.json`, by which a worker knows that it sees the same folder. */
  mark: string;
  /** Number of the job, whose records and files alone an activity may write; absent in histories of earlier versions. */
  generation?: number;
}
