import type { DataConverter } from '@temporalio/common';
import { payloadEncryption } from '../../codec/payload-encryption.ts';
import type { Config } from '../../config.ts';
import { logLevelOf } from '../../process/log-level.ts';
import type { TracesConfig } from '../../telemetry/addresses.ts';
import { CollectorSchema, fromEnvironment } from '../../telemetry/addresses.ts';

/** What the environment says about a worker in this process. */
export interface WorkerSettings {
  logLevel: ReturnType<typeof logLevelOf>;
  /** Where traces go; undefined: none are made. */
  collector: string | TracesConfig | undefined;
  /** Encrypts payloads; undefined: nothing is encrypted. */
  dataConverter: DataConverter | undefined;
}

/** @throws Error when a variable holds what it must not */
export function workerSettings({ traces }: Pick<Config, 'traces'>): WorkerSettings {
  return {
    logLevel: logLevelOf(process.env),
    collector: fromEnvironment(CollectorSchema, 'BULK_EXPORT_TRACES', traces, process.env),
    dataConverter: payloadEncryption(),
  };
}
