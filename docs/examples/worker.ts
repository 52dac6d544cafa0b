import { fileURLToPath } from 'node:url';
import { NativeConnection } from '@temporalio/worker';
import { loadConfig } from 'fhir-bulk-export/config';
import { createWorkers } from 'fhir-bulk-export/worker';
import { ourActivities } from './activities.js';
import { EncryptionCodec } from './codec.js';

const { TEMPORAL_ADDRESS = 'localhost:7233', TEMPORAL_NAMESPACE: namespace, PAYLOAD_KEY = '' } = process.env;
const connection = await NativeConnection.connect({ address: TEMPORAL_ADDRESS });
const workers = await createWorkers({
  connection,
  namespace,
  taskQueue: 'analytics',
  config: await loadConfig(),
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  activities: ourActivities,
  dataConverter: { payloadCodecs: [new EncryptionCodec(Buffer.from(PAYLOAD_KEY, 'hex'))] },
  interceptors: {
    activity: [
      ({ info, log }) => ({
        inbound: {
          execute: async (input, next) => {
            if (info.attempt > 10) log.warn('tried often', { attempt: info.attempt });
            return next(input);
          },
        },
      }),
    ],
  },
});
await workers.run();
await connection.close();
