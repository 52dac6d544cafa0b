import type { ExpectedFile, JobSummary } from '../../../dev/sample-server/index.ts';
import type { LocalManifest } from '../../support/exported-files.ts';
import { readLocalManifest } from '../local-manifest.ts';
import type { ExportRun, Injected } from '../export-run.ts';
import { faultsOf, reportOf } from '../export-run.ts';
import type { Request } from '../hospital.ts';
import type { ExportReport } from '../../../src/contract.ts';

/** A file of the export: as the server made it, and under its name at the destination. */
export interface PairedFile {
  made: ExpectedFile;
  name: string;
  publishedAt: number;
  /** Requests for it, oldest first. */
  requests: Request[];
}

/** All that is known of a run that has ended well. */
export interface Evidence {
  run: ExportRun;
  report: ExportReport;
  manifest: LocalManifest;
  /** The job whose files were exported. */
  job: JobSummary;
  files: PairedFile[];
  /** Names below the export's path. */
  published: ReadonlyMap<string, number>;
  requests: Request[];
  /** Faults that could touch the run. */
  injected: Injected[];
}

/** Gathers the evidence of a run. Throws when a part of it is missing. */
export async function gatherEvidence(run: ExportRun, injected: readonly Injected[]): Promise<Evidence> {
  const { hospital, destination, path } = run;
  const report = reportOf(run);
  if (report === undefined) throw new Error('the run has no report');
  const published = await destination.place.list(path);
  const manifest = await readLocalManifest(destination.place, path);
  const job = hospital.jobs.find(({ transactionTime }) => transactionTime === manifest.transactionTime);
  if (job === undefined) throw new Error(`no job of the server has the transactionTime ${manifest.transactionTime}`);
  const { requests } = hospital;
  const files: PairedFile[] = [];
  for (const kind of ['output', 'deleted', 'error'] as const) {
    const made = hospital.expectedFiles(job.id).filter((file) => file.kind === kind);
    if (made.length !== manifest[kind].length)
      throw new Error(`manifest.json has ${manifest[kind].length} files of ${kind}, the server made ${made.length}`);
    for (const [place, file] of made.entries()) {
      const name = manifest[kind][place]?.url ?? '';
      const { pathname } = new URL(file.url);
      files.push({
        made: file,
        name,
        publishedAt: published.get(name) ?? Number.NaN,
        requests: requests.filter(({ route, url }) => route === 'file' && url.split('?', 1)[0] === pathname),
      });
    }
  }
  return { run, report, manifest, job, files, published, requests, injected: faultsOf(run, injected) };
}
