import { SEARCH_ATTRIBUTES } from '../../src/contract.ts';

/**
 * A history as it is while versions are replaced: the activity that opened the export was of this version, and told the
 * workflow, which was of an earlier one, of search attributes that it did not know.
 */
export function openedLater(history: string): object {
  let changed = 0;
  const later = history.replaceAll(/"data": ?"([^"]*)"/g, (whole, data: string) => {
    const opened = JSON.parse(Buffer.from(data, 'base64').toString()) as { searchAttributes?: string[] } | null;
    if (!Array.isArray(opened?.searchAttributes)) return whole;
    changed++;
    opened.searchAttributes = Object.values(SEARCH_ATTRIBUTES);
    return `"data": "${Buffer.from(JSON.stringify(opened)).toString('base64')}"`;
  });
  if (changed === 0) throw new Error('no export is opened in this history');
  return JSON.parse(later) as object;
}
