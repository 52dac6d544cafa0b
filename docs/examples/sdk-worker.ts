import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { loadConfig } from 'fhir-bulk-export/config';
import {
  createActivities,
  createFileWorkers,
  exportServiceHandler,
  workflowInterceptorModules,
} from 'fhir-bulk-export/worker';
import { ourActivities } from './activities.js';
import { EncryptionCodec } from './codec.js';

const { TEMPORAL_ADDRESS = 'localhost:7233', TEMPORAL_NAMESPACE = 'default', PAYLOAD_KEY = '' } = process.env;
const connection = await NativeConnection.connect({ address: TEMPORAL_ADDRESS });
const shared = {
  connection,
  namespace: TEMPORAL_NAMESPACE,
  taskQueue: 'analytics',
  dataConverter: { payloadCodecs: [new EncryptionCodec(Buffer.from(PAYLOAD_KEY, 'hex'))] },
};
const exporting = createActivities({ config: await loadConfig() });
const worker = await Worker.create({
  ...shared,
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  interceptors: { workflowModules: workflowInterceptorModules },
  activities: { ...ourActivities, ...exporting.activities },
  nexusServices: [exportServiceHandler],
  shutdownGraceTime: '5s',
  // Cancelling reaches an activity with its next heartbeat.
  maxHeartbeatThrottleInterval: '1s',
});
const downloads = await createFileWorkers(exporting, shared);
const ended = await Promise.allSettled([
  worker.run().finally(() => downloads.shutdown()),
  // A process that serves half of its queues looks healthy, and is not.
  downloads.run().finally(() => worker.getState() === 'RUNNING' && worker.shutdown()),
]);
await exporting.close();
await connection.close();
for (const one of ended) if (one.status === 'rejected') throw one.reason;
