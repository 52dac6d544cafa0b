import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

interface Item {
  url: string;
  count: number;
  fileSize: number;
}

/** What is compared of a local manifest. */
type Listed = Record<'output' | 'deleted' | 'error', readonly Item[]> & { transactionTime: string };

/** A line of `log.ndjson`. */
export interface LogRow {
  exportId: string;
  timestamp: string;
  eventId: string;
  eventDetail: Record<string, unknown>;
}

export async function readLog(location: string): Promise<LogRow[]> {
  const text = await readFile(join(location, 'log.ndjson'), 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as LogRow);
}

/** What cumulus-etl takes from a log: the last kick-off and the last `status_complete` count, and both must be there. */
export function readAsCumulus(rows: readonly LogRow[]): { group: string; exportTime: string } {
  const kickOff = rows.findLast(({ eventId }) => eventId === 'kickoff')?.eventDetail;
  const complete = rows.findLast(({ eventId }) => eventId === 'status_complete')?.eventDetail;
  const [, group = ''] = /\/Group\/([^/]+)/.exec(String(kickOff?.['exportUrl'])) ?? [];
  const exportTime = String(complete?.['transactionTime']);
  expect(Number.isNaN(Date.parse(exportTime))).toBe(false);
  return { group, exportTime };
}

/** Fields of the events that smart-fetch writes. */
const FIELDS: Record<string, string> = {
  kickoff:
    'exportUrl softwareName softwareVersion softwareReleaseDate fhirVersion requestParameters errorCode errorBody responseHeaders',
  status_error: 'body code message responseHeaders',
  status_complete: 'transactionTime',
  status_page_complete: 'transactionTime outputFileCount deletedFileCount errorFileCount',
  manifest_complete: 'transactionTime totalOutputFileCount totalDeletedFileCount totalErrorFileCount totalManifests',
  download_request: 'fileUrl itemType resourceType',
  download_complete: 'fileUrl resourceCount fileSize',
  download_error: 'fileUrl body code message responseHeaders',
  export_complete: 'files resources bytes attachments duration',
};

/** Every line has the fields of the form, they are of one export, and none holds a query, a token or a patient. */
export function expectSoundRows(rows: readonly LogRow[]): void {
  expect(new Set(rows.map(({ exportId }) => exportId)).size).toBe(1);
  for (const { exportId, timestamp, eventId, eventDetail } of rows) {
    expect(exportId).toMatch(/^[0-9a-f]{20}$/);
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/);
    expect(Object.keys(eventDetail)).toEqual(
      expect.arrayContaining((FIELDS[eventId] ?? 'an-event-of-the-form').split(' ')),
    );
    for (const [field, value] of Object.entries(eventDetail))
      if (/url$/i.test(field)) expect(value).not.toMatch(/[?#]/);
  }
  const text = JSON.stringify(rows);
  expect(text).not.toMatch(/bearer|"patient":|authorization/i);
}

/** The log of a complete export: it lists the files of the manifest, each once, with the counts of the manifest. */
export async function expectSoundLog(location: string, manifest: Listed): Promise<void> {
  const rows = await readLog(location);
  expectSoundRows(rows);
  const of = (eventId: string): Record<string, unknown>[] =>
    rows.filter((row) => row.eventId === eventId).map(({ eventDetail }) => eventDetail);
  const items = [...manifest.output, ...manifest.deleted, ...manifest.error];
  const sum = (field: 'count' | 'fileSize'): number => items.reduce((total, item) => total + item[field], 0);
  // Where the server has given none, there is nothing to be read.
  if (manifest.transactionTime !== '') expect(readAsCumulus(rows).exportTime).toBe(manifest.transactionTime);
  const files = items.map(({ url, count, fileSize }) => ({ _file: url, resourceCount: count, fileSize }));
  const byName = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  expect(
    of('download_complete')
      .map(({ _file, resourceCount, fileSize }) => ({ _file, resourceCount, fileSize }))
      .sort(byName),
  ).toEqual(files.sort(byName));
  expect(of('download_request')).toHaveLength(items.length);
  expect(of('kickoff').filter(({ errorCode }) => errorCode === null)).toHaveLength(1);
  expect(of('kickoff').at(-1)).toMatchObject({ errorCode: null });
  expect(of('status_complete')).toHaveLength(1);
  expect(of('status_page_complete')).toHaveLength(of('manifest_complete')[0]?.['totalManifests'] as number);
  expect(of('download_error')).toEqual([]);
  expect(rows.at(-1)).toMatchObject({
    eventId: 'export_complete',
    eventDetail: { files: items.length, resources: sum('count'), bytes: sum('fileSize') },
  });
}
