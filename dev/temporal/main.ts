import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';

// `npm run temporal`: a development server that keeps its state in .temporal/ and runs until Ctrl-C.

const stateFolder = join(projectRoot, '.temporal');

try {
  const cli = await findTemporalCli(console.log);
  await mkdir(stateFolder, { recursive: true });
  const server = await startTemporalServer({ cli, dbFilename: join(stateFolder, 'temporal.db'), log: printWarning });
  console.log(`
Temporal runs.
  gRPC      ${server.address}
  HTTP API  ${server.httpUrl}
  Web UI    ${server.uiUrl}
  State     .temporal/temporal.db (delete it to start afresh)
Press Ctrl-C to stop.
`);
  const end = await Promise.race([stopSignal(), server.exited]);
  if (end !== undefined) throw new Error(`Temporal ended by itself: ${end}`);
  console.log('Stopping Temporal.');
  await server.stop();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve(undefined));
  });
}

// The rest of the output is a banner that repeats the lines above.
function printWarning(line: string): void {
  if (line.includes('level=')) console.error(line);
}
