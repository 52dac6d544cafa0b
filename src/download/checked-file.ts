import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import { AttachmentReceiver } from './attachment-receiver.ts';
import { Receiver } from './receiver.ts';

/** What is known of a file that has passed every check. */
export interface CheckedFile {
  /** As stored: after content decoding, otherwise byte for byte as sent. */
  bytes: number;
  records: number;
  headers: number;
  sha256: string;
  /** Of an attachment: what its resource says of the content and what is not so. */
  differs?: ('size' | 'hash')[];
}

/** Checks a file in one pass while its bytes go by, whatever brings them: the wire, an earlier part, the disk. */
export interface FileChecks {
  /** Bytes so far. */
  readonly bytes: number;
  /** Takes the next bytes; says what is wrong with the file, if something is. */
  push(chunk: Uint8Array): string | undefined;
  /**
   * Ends the file: its receipt's content, or what is wrong with it.
   *
   * @param endIsProved false when the connection's closing ended the body, which a cut does as well
   */
  end(endIsProved: boolean): CheckedFile | string;
}

/**
 * The checks for an entry.
 *
 * @param checks of lines, as the server's configuration says
 */
export function checksOf(entry: Entry, checks: LineRules['checks']): FileChecks {
  return entry.kind === 'attachment' ? new AttachmentReceiver(entry) : new Receiver(entry, checks);
}
