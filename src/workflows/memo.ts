import { patched, upsertMemo } from '@temporalio/workflow';
import type { OpenedExport } from '../activities/open-export.ts';
import type { ExportMemo } from '../contract.ts';

/**
 * Sets fields of the memo, which lists and the Web UI show without a worker, also after the end; not where the service
 * cannot.
 *
 * @param fields those that are undefined are removed
 */
export function setMemo(
  { memo }: Pick<OpenedExport, 'memo'>,
  fields: { [field in keyof ExportMemo]: ExportMemo[field] | undefined },
): void {
  if (memo !== false && patched('memo')) upsertMemo({ ...fields });
}
