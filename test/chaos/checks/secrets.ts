import { readFile } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import type { TestKey } from '../../support/keys.ts';
import { findSecrets } from '../../support/secret-scan.ts';
import { secretsOf, signaturesOf } from '../../support/secrets-of-runs.ts';
import type { ExportRun } from '../export-run.ts';

/** Looks for tokens, keys, assertions and signed links in the histories, the logs and the destinations of a round. */
export async function checkSecrets(
  runs: readonly ExportRun[],
  { client, key, logs }: { client: Client; key: TestKey; logs: readonly string[] },
): Promise<string[]> {
  const hospitals = runs.map(({ hospital }) => hospital);
  const forever = secretsOf(
    [key],
    hospitals.map(({ authServer }) => authServer),
    [],
  );
  const links = signaturesOf(hospitals.map(({ requests }) => ({ journal: requests })));
  const all = [...forever, ...links];
  const problems: string[] = [];
  const look = (text: string, secrets: readonly string[], where: string): void => {
    const found = findSecrets(text, secrets).length;
    if (found > 0) problems.push(`${found} secrets in ${where}`);
  };
  for (const { workflowId } of runs.flatMap(({ starts }) => starts)) {
    const handle = client.workflow.getHandle(workflowId);
    look(JSON.stringify([await handle.fetchHistory(), await handle.describe()]), all, `the history of ${workflowId}`);
  }
  for (const log of logs) look(await readFile(log, 'utf8').catch(() => ''), all, log);
  for (const run of runs) {
    const { place } = run.destination;
    for (const name of (await place.list(run.path)).keys()) {
      // Data files are compared byte for byte with what the server made.
      if (name.endsWith('.ndjson')) continue;
      look((await place.read(run.path, name)).toString('latin1'), all, `${run.path}/${name}`);
    }
  }
  return problems;
}
