import { relative } from 'node:path';

import type { ExportReport } from '../../src/contract.ts';
import { listPublished, readExportedFiles } from './exported-files.ts';
import {
  checkAgainstServer,
  checkManifest,
  checkTokens,
  checkUntouched,
  type Check,
  type FetchedFile,
  type Kill,
} from './proof.ts';
import type { DemoStack } from './stack.ts';
import { describeChecks, describeFiles, describeReport } from './summary.ts';

/**
 * Prints the report, the files and the proof.
 *
 * @param history of the workflow, as JSON
 * @throws Error when a check fails
 */
export async function prove(
  report: ExportReport,
  { sample, authServer }: DemoStack,
  kill: Kill | undefined,
  history: string,
): Promise<void> {
  console.log(`\nReport\n${describeReport(report)}`);

  const exported = await readExportedFiles(report.location);
  const checks: Check[] = checkManifest(exported);
  if (kill !== undefined) checks.push(checkUntouched(kill, await listPublished(report.location)));
  let files: FetchedFile[] = exported;
  if (sample !== undefined) {
    const compared = checkAgainstServer(exported, sample, kill);
    checks.push({ holds: kill !== undefined, text: 'the worker was killed in the middle of the downloads' });
    checks.push(...compared.checks);
    files = compared.fetched;
  }
  if (authServer !== undefined) checks.push(checkTokens(authServer, history));
  console.log(`\nFiles in ${shortPath(report.location)}\n${describeFiles(files)}`);
  console.log(`\nProof\n${describeChecks(checks)}`);
  const broken = checks.filter(({ holds }) => !holds).length;
  if (broken > 0) throw new Error(`The export is not as promised: ${broken} of ${checks.length} checks failed.`);
}

/** Relative to the current folder for a path inside it. */
function shortPath(path: string): string {
  const short = relative('', path);
  return short === '' || short.startsWith('..') ? path : short;
}
