import type { ResumePoint } from '../storage/folder.ts';

/** What is known of a file that has passed every check. */
export interface CheckedFile {
  /** As stored: after content decoding, otherwise byte for byte as sent. */
  bytes: number;
  /** Lines that are not blank. */
  records: number;
  /** Records that are no resources: the block headers of organised output (Bulk Data IG 3.0). */
  headers: number;
  /** Undefined when the beginning was checked by an earlier attempt and could not be read again. */
  sha256: string | undefined;
  /** Of an attachment: what its resource says of the content and does not hold. */
  differs?: ('size' | 'hash')[];
}

/** The outcome of the checks of a file. */
export type CheckOutcome =
  | { kind: 'checked'; file: CheckedFile }
  | {
      kind: 'wrong';
      detail: string;
      /** Nothing is wrong with what is there; it may have been cut. */
      mayBeCut?: true;
    };

/** Checks a file in one pass while its bytes go by, wherever they come from: the wire, an earlier part, the disk. */
export interface FileChecks {
  /** Bytes so far. */
  readonly bytes: number;
  /** The last place at which other checks could go on without these bytes; undefined when they need all of them. */
  readonly point: ResumePoint | undefined;
  /** Takes the next bytes; says what is wrong with the file, if something is. */
  push(chunk: Uint8Array): string | undefined;
  /**
   * Ends the file.
   *
   * @param endIsProved false when the connection's closing ended the body, which a cut does as well
   */
  end(endIsProved: boolean): CheckOutcome;
}
