import { Runtime } from '@temporalio/worker';
import { HISTOGRAM_BUCKETS, createWorkers } from 'fhir-bulk-export/worker';

const { METRICS_ADDRESS: bindAddress = '127.0.0.1:9464' } = process.env;
Runtime.install({
  telemetryOptions: {
    metrics: { prometheus: { bindAddress, histogramBucketOverrides: HISTOGRAM_BUCKETS } },
  },
});

// Only now: the first connection makes a runtime if there is none.
const { config, connection, namespace } = await import('./worker-setup.ts');
const workers = await createWorkers({ connection, namespace, config });
await workers.run();
await connection.close();
