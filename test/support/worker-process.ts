import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadConfig } from '../../src/config.ts';
import { createWorkers } from '../../src/create-workers.ts';
import type { KillPoint } from './kill-point.ts';
import { armKillPoint } from './kill-point.ts';
import { SHORT_LIMITS } from './short-limits.ts';

/** A worker as a process of its own, with the tests' limits; it can be killed. Run from the build in dist/. */
Runtime.install({ logger: new DefaultLogger('ERROR') });
const patient = process.env['PATIENT'] !== undefined;
const { KILL_POINT: killPoint, KILL_MARKER: marker = '', TEMPORAL_ADDRESS: address = '', GATE_ASK } = process.env;
const gate = GATE_ASK === undefined ? {} : { gateAsk: Number(GATE_ASK), gateSweep: 2 * Number(GATE_ASK) };
const outage = Number(process.env['OUTAGE'] ?? (patient ? 60_000 : SHORT_LIMITS.outage));
if (killPoint !== undefined) armKillPoint(JSON.parse(killPoint) as KillPoint, marker);
const connection = await NativeConnection.connect({ address });
const config = await loadConfig();
const workers = await createWorkers({
  connection,
  namespace: process.env['TEMPORAL_NAMESPACE'],
  // Files that are fetched at once are in two threads, whatever this machine has.
  config: { downloadThreads: 2, ...config },
  limits: { ...SHORT_LIMITS, outage, ...gate },
  ...(patient ? {} : { timeouts: { headers: 2000, body: 2000 } }),
});
console.log('ready');
await workers.run();
await connection.close();
