import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { createWorkers } from '../../src/create-workers.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import { runExports } from './exports.ts';
import { findBrowser } from './find-browser.ts';
import { startHospitals } from './hospitals.ts';
import { takePictures } from './take-pictures.ts';

// `npm run pictures [FOLDER]`: takes the pictures of docs/console.md of real exports, with a Temporal server, FHIR servers
// and workers of its own. FOLDER, where the files go, is seen in the pictures; default: a temporary one.

const closers: (() => Promise<unknown>)[] = [];
try {
  const browser = findBrowser(process.env);
  const cli = await findTemporalCli(console.log);
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporary = await mkdtemp(join(tmpdir(), 'exports-'));
  closers.push(() => rm(temporary, { recursive: true, force: true }));
  const hospitals = await startHospitals(process.argv[2] ?? temporary);
  closers.push(() => hospitals.close());
  const temporal = await startTemporalServer({ cli, ports: 'free' });
  closers.push(() => temporal.stop());
  const connection = await NativeConnection.connect({ address: temporal.address });
  closers.push(() => connection.close());
  const workers = await createWorkers({
    connection,
    config: hospitals.config,
    identity: 'worker-1',
    workflowBundle: { codePath: join(projectRoot, 'dist/workflow-bundle.js') },
  });
  const ended = workers.run();
  closers.push(async () => {
    workers.shutdown();
    await ended;
  });
  const toTemporal = await Connection.connect({ address: temporal.address });
  closers.push(() => toTemporal.close());
  const shown = await runExports(new Client({ connection: toTemporal }), (id) => console.log(`Export ${id}`));
  await takePictures(browser, temporal.uiUrl ?? '', shown, join(projectRoot, 'docs/pictures'));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  for (const close of closers.toReversed()) await close().catch((error: unknown) => console.error(error));
}
