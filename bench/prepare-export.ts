import type { Config } from '../src/config.ts';
import { ExportFolder } from '../src/export-folder/export-folder.ts';
import type { ExportRef } from '../src/export-folder/export-ref.ts';
import type { Entry } from '../src/fhir/entries.ts';
import { readManifest } from '../src/fhir/manifest.ts';

/**
 * Takes the folder of an export whose job is complete, and stores its manifest, as the activities before the downloads
 * do.
 *
 * @param urls of files of patients
 * @param fileSize bytes that the manifest says of each
 */
export async function prepareExport(
  config: Config,
  path: string,
  urls: readonly string[],
  fileSize: number,
): Promise<{ ref: ExportRef; entries: Entry[] }> {
  const owner = { workflowId: 'bench', firstRunId: 'bench', runId: 'bench' };
  const isRunning = async (): Promise<boolean> => false;
  const { folder, mark } = await ExportFolder.take(config, 'local', path, { owner, requestHash: 'bench', isRunning });
  const job = { generation: 1, unanswered: 0, separateStatus: false, partial: false, warnings: [] };
  await folder.job.begin(job, undefined);
  const output = urls.map((url) => ({ type: 'Patient', url, fileSize }));
  const body = JSON.stringify({ transactionTime: '2026-01-01T00:00:00Z', requiresAccessToken: false, output });
  const read = readManifest(body);
  if (read.kind === 'unusable') throw new Error(read.detail);
  await folder.pages.store(1, { body, manifest: read.manifest, url: 'http://127.0.0.1/status' });
  const { entries: total } = await folder.indexPages({ take: () => undefined });
  const entries: Entry[] = [];
  while (entries.length < total) entries.push(...(await folder.entries.from(entries.length, total)));
  return { ref: { server: 'bench', destination: 'local', path, mark: mark.mark }, entries };
}
