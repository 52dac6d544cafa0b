import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { loadConfig } from 'fhir-bulk-export/config';

/** What examples of workers take as given. */
const { connectionOptions, namespace: named = 'default' } = loadClientConnectConfig();
export const connection = await NativeConnection.connect(connectionOptions);
export const namespace = named;
export const config = await loadConfig();
