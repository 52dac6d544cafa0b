import { patched, upsertMemo } from '@temporalio/workflow';
import type { ExportMemo } from '../contract.ts';

/** Sets fields of the memo, which lists and the Web UI show without a worker, also after the end. */
export function setMemo(fields: ExportMemo): void {
  if (patched('memo')) upsertMemo({ ...fields });
}
