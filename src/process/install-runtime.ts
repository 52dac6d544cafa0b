import type { RuntimeOptions } from '@temporalio/worker';
import { DefaultLogger, Runtime, makeTelemetryFilterString } from '@temporalio/worker';
import type { Logger } from 'pino';
import { metricsExporter } from '../telemetry/metrics-exporter.ts';
import { levelOfSdk } from './log-level.ts';

/** What differs between the runtimes of our processes. */
type Options = Pick<RuntimeOptions, 'shutdownSignals'> & {
  /** Where metrics go, as in the configuration. Default: they are not exported. */
  metrics?: string | undefined;
};

/** Installs the SDK's runtime, which logs to a logger, by its level; before anything else of the SDK runs, and once in a process. */
export function installRuntime(logger: Logger, { metrics, ...options }: Options = {}): void {
  Runtime.install({
    ...options,
    logger: new DefaultLogger(levelOfSdk(logger.level), ({ level, message, meta }) => {
      // Queues of files have neither workflows nor Nexus services: nothing that an operator has to fix.
      if (/^No (workflows|Nexus services) registered/.test(message)) return;
      logger[level.toLowerCase() as Lowercase<typeof level>]({ ...meta }, message);
    }),
    telemetryOptions: {
      // Not by the level: what the native part says of its work has whole tasks in it.
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
      ...(metrics === undefined ? {} : { metrics: metricsExporter(metrics) }),
    },
  });
}
