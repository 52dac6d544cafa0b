import { noopMetricMeter } from '@temporalio/common';
import { Runtime } from '@temporalio/worker';
import type { Config } from '../config.ts';
import { watchAttention } from '../telemetry/attention-watch.ts';
import { Recorder } from '../telemetry/recorder.ts';
import type { SharedOptions } from './worker-options.ts';

/** Keeps the metrics of exports that Temporal knows, until it is ended; nothing is asked where nobody exports metrics. */
export function watchExports(
  { connection, namespace = 'default', config }: Pick<SharedOptions, 'connection' | 'namespace'> & { config: Config },
  taskQueue: string,
): { end(): void } {
  const { metricMeter } = Runtime.instance();
  if (metricMeter === noopMetricMeter) return { end: () => {} };
  const record = new Recorder(metricMeter);
  const { workflowService } = connection;
  return watchAttention(
    { workflowService, namespace, taskQueue, servers: Object.keys(config.servers) },
    (server, exports) => record.set('needing_attention', { server }, exports),
  );
}
