import type { CheckedPart } from '../../storage/folder.ts';
import type { OnExchanged } from '../../http/messages.ts';
import type { CheckedFile } from '../checked-file.ts';
import type { FetchOutcome, Refusal } from '../fetch-file.ts';
import type { LostBytes } from '../lost-bytes.ts';

/** What came of a file, wherever it was fetched; the part of a checked one is to be published. */
export type Fetched =
  { kind: 'checked'; file: CheckedFile; part: CheckedPart } | Extract<FetchOutcome, { kind: 'trouble' }>;

/** What the activity that wants a file says and hears while it is fetched. */
export interface FetchWatch {
  signal: AbortSignal;
  /** Throws when nothing may be changed at the destination any more. */
  mayChange(): Promise<void>;
  /** Called with the bytes received so far, and how many of them an earlier attempt had made durable. */
  onProgress(bytes: number, resumedAt: number): void;
  onRefusal(refusal: Refusal): void;
  /** Called with what has to be fetched again. */
  onLost?: ((lost: LostBytes) => void) | undefined;
  /** Called with each request of another thread that is over. */
  onExchanged?: OnExchanged | undefined;
  /** Called when no further thread could be started; for so many milliseconds none will be. */
  onNoThread(error: unknown, pause: number): void;
}
