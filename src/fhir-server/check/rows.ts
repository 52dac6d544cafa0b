import type { CheckRow } from '../../contract.ts';
import { ExportError } from '../../errors.ts';

/** A row for something that works. */
export function okRow(item: string, detail: string): CheckRow {
  return { item, result: 'ok', detail };
}

/**
 * Tries something, and makes a row of it.
 *
 * @param fix what to do when it fails
 * @param action returns the detail of the row; what it throws is the detail of the failure
 */
export async function tryRow(item: string, fix: string, action: () => Promise<string>): Promise<CheckRow> {
  try {
    return okRow(item, await action());
  } catch (error) {
    const code = error instanceof ExportError ? `${error.code}: ` : '';
    return { item, result: 'failed', detail: `${code}${(error as Error).message}`, fix };
  }
}
