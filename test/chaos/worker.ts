import { setTimeout as sleep } from 'node:timers/promises';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadConfig } from '../../src/config.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { createWorkers } from '../../src/create-workers.ts';

/** The worker of the chaos tests: it waits less between tries than a real one, and gives up as late. */
Runtime.install({ logger: new DefaultLogger('DEBUG') });
const connection = await connect();
const config = await loadConfig();
const workers = await createWorkers({
  connection,
  config: { downloadThreads: 2, ...config },
  workflowBundle: { codePath: process.env['WORKFLOW_BUNDLE'] ?? '' },
  limits: { ...LIMITS, backoffFloor: 200, backoffCeiling: 2000, fileRetry: 100 },
  timeouts: { headers: 4000, body: 4000 },
});
// Standard output goes into the log.
process.send?.('ready');
process.disconnect?.();
await workers.run();
await connection.close();

async function connect(): Promise<NativeConnection> {
  for (;;) {
    try {
      return await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
    } catch {
      await sleep(300);
    }
  }
}
