import { loadClientConfigProfile, loadClientConnectConfig } from '@temporalio/envconfig';

/**
 * Address, namespace and credentials of Temporal, as all of its tools find them: in the `TEMPORAL_*` variables and in
 * Temporal's configuration file.
 *
 * @throws Error that quotes nothing of that file
 */
export function temporalSettings(): ReturnType<typeof loadClientConnectConfig> {
  return read(loadClientConnectConfig);
}

/** The same as they are written, without what follows from them. */
export function temporalProfile(): ReturnType<typeof loadClientConfigProfile> {
  return read(loadClientConfigProfile);
}

function read<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    const { message, line } = error as Error & { line?: number };
    const where = process.env['TEMPORAL_CONFIG_FILE'] ?? 'the default configuration file';
    // The parser of TOML shows the lines around a fault, and one of them may be that of an API key.
    const fault = `${message.split('\n')[0] as string}${line === undefined ? '' : `, line ${line}`}`;
    throw new Error(`Temporal configuration (TEMPORAL_* variables, ${where}): ${fault}`, { cause: error });
  }
}
