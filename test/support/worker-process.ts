import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadConfig } from '../../src/config.ts';
import { createWorkers } from '../../src/workers.ts';
import { SHORT_LIMITS } from './short-limits.ts';

/** A worker as a process of its own, with the tests' limits; it can be killed. Run from the build in dist/. */
Runtime.install({ logger: new DefaultLogger('ERROR') });
const patient = process.env['PATIENT'] !== undefined;
const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
const workers = await createWorkers({
  connection,
  config: await loadConfig(),
  workflowBundle: process.env['WORKFLOW_BUNDLE'] ?? '',
  limits: patient ? { ...SHORT_LIMITS, outage: 60_000 } : SHORT_LIMITS,
  ...(patient ? {} : { timeouts: { headers: 2000, body: 2000 } }),
});
console.log('ready');
await workers.run();
await connection.close();
