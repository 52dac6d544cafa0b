import type { Entry } from '../fhir/entries.ts';
import { lineType } from '../fhir/entries.ts';
import type { ExportFolder } from '../storage/export-folder.ts';
import type { ManifestSummary } from './export-state.ts';
import { FILES } from './export-state.ts';
import type { Receipt } from './receipts.ts';

/** A file of the export and what is known of it. */
export interface PublishedFile {
  entry: Entry;
  receipt: Receipt;
}

/** Key of the extension that carries a file's hash (Bulk Data IG 1 to 3: extensions are an object). */
const SHA256 = 'sha256';

/**
 * Publishes `manifest.json`: itself a Bulk Data manifest with URLs relative to the folder, so that any importer can
 * read the folder. That it is there means that the export is complete and verified.
 */
export async function publishManifest(
  folder: ExportFolder,
  summary: ManifestSummary,
  files: readonly PublishedFile[],
): Promise<void> {
  const items = (kind: Entry['kind']): object[] => files.filter(({ entry }) => entry.kind === kind).map(describe);
  const manifest = {
    transactionTime: summary.transactionTime,
    request: '',
    requiresAccessToken: false,
    outputFormat: 'application/fhir+ndjson',
    ...(summary.organizedBy === undefined ? {} : { outputOrganizedBy: summary.organizedBy }),
    output: items('output'),
    deleted: items('deleted'),
    error: items('error'),
  };
  await folder.create(FILES.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
}

function describe({ entry, receipt }: PublishedFile): object {
  const type = lineType(entry);
  return {
    ...(type === undefined ? {} : { type }),
    url: entry.name,
    count: receipt.records - receipt.headers,
    fileSize: receipt.bytes,
    extension: { [SHA256]: receipt.sha256 },
  };
}
