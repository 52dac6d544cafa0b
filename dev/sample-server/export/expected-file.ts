/** A file of an export as it lies on disk: what a faultless client has to end up with. */
export type JobFile = {
  kind: 'output' | 'deleted' | 'error';
  /** Absent in organised output; `Bundle` and `OperationOutcome` for the other kinds. */
  type?: string;
  /** `Patient.1.ndjson`. */
  name: string;
  /** Lines, that is records, of the NDJSON. */
  lines: number;
  /** The `count` of the manifest: lines without the headers of organised output. */
  resources: number;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** On disk, with exactly these bytes. */
  path: string;
  /** Name of the file in which the last block goes on (organised output). */
  continuesIn?: string;
  /** Messages per severity (`error` files). */
  severities?: Record<string, number>;
};

/** {@link JobFile} with its current address. */
export type ExpectedFile = JobFile & { url: string };
