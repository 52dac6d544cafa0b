import type { MetricsExporterConfig } from '@temporalio/worker';
import { isCollector } from './addresses.ts';
import { HISTOGRAM_BUCKETS } from './metric-table.ts';

/**
 * Options of the SDK's `Runtime` that export its metrics and ours together.
 *
 * @param target address to listen on for Prometheus, or URL of an OTLP collector (gRPC)
 */
export function metricsExporter(target: string): MetricsExporterConfig {
  const histogramBucketOverrides = HISTOGRAM_BUCKETS;
  return isCollector(target)
    ? { otel: { url: target, histogramBucketOverrides, metricsExportInterval: '10s' } }
    : { prometheus: { bindAddress: target, histogramBucketOverrides } };
}
